// SPDX-License-Identifier: BSD-3-Clause
// model_compile(): file -> graph -> passes -> image, and the proof that they agree.
#include "base/rows.h"
#include "infer/compile/calibrate.h"
#include "infer/compile/golden.h"
#include "infer/compile/outputs.h"
#include "infer/compile/passes/passes.h"
#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/image/image.h"
#include "infer/import/import.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOURCE_BYTES_MAX ((size_t)1 << 30)

struct compilation {
	const struct compile_options *options;
	struct graph *graph;
	struct rows rows;
	struct compile_report *report;
	struct error *err;
};

static int read_source(const char *path, void **bytes, size_t *size, struct error *err)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	int rc = 0;

	*bytes = NULL;
	if (!file)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
		rc = error_set(err, -EINVAL, "%s: not a regular file", path);
	else if (st.st_size == 0 || (size_t)st.st_size > SOURCE_BYTES_MAX)
		rc = error_set(err, -EINVAL, "%s: %lld bytes, a model file has 1 to %zu", path,
			(long long)st.st_size, SOURCE_BYTES_MAX);
	if (rc == 0) {
		*size = (size_t)st.st_size;
		*bytes = malloc(*size);
		if (!*bytes)
			rc = error_set(err, -ENOMEM, "%s: out of memory", path);
		else if (fread(*bytes, 1, *size, file) != *size)
			rc = error_set(err, -EIO, "%s: reading it failed", path);
	}
	fclose(file);
	if (rc != 0) {
		free(*bytes);
		*bytes = NULL;
	}
	return rc;
}

// The file's stem with what no model's name may hold replaced, where no name is given.
static int name_model(struct compilation *c, const char *path)
{
	const char *given = c->options->name;
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *dot = strrchr(base, '.');
	char name[MODEL_NAME_MAX + 1];
	size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	bool sound;

	if (given) {
		n = strlen(given);
		sound = n >= 1 && n <= MODEL_NAME_MAX && isalnum((unsigned char)given[0]) &&
			given[strspn(given,
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_.-")] == '\0';
		if (!sound)
			return error_set(c->err, -EINVAL,
				"model name '%.80s': should be 1 to %d of A-Z a-z 0-9 _ . - and "
				"begin with a letter or digit",
				given, MODEL_NAME_MAX);
		base = given;
	}
	n = n > MODEL_NAME_MAX ? MODEL_NAME_MAX : n;
	memcpy(name, base, n);
	name[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)name[i];

		if (ch >= 0x80 || (!isalnum(ch) && !strchr("_.-", ch)))
			name[i] = '_';
	}
	if (!isalnum((unsigned char)name[0]))
		name[0] = 'm';
	c->graph->name = arena_strdup(c->graph->arena, name);
	return c->graph->name ? 0 : error_set(c->err, -ENOMEM, "out of memory");
}

// Splits "a,b,c" into exactly `expected` names, or as many as there are where that is 0.
static int split_names(struct compilation *c, const char *list, const char *what, uint32_t expected,
	const char ***names, uint32_t *count)
{
	uint32_t n = 1;

	for (const char *p = list; *p; p++)
		n += *p == ',';
	if (expected != 0 && n != expected)
		return error_set(
			c->err, -EINVAL, "%u %s are given, the model has %u", n, what, expected);
	*names = arena_calloc(c->graph->arena, n, sizeof(**names));
	for (uint32_t i = 0; *names && i < n; i++) {
		size_t bytes = strcspn(list, ",");

		(*names)[i] = arena_strndup(c->graph->arena, list, bytes);
		if (bytes == 0)
			return error_set(c->err, -EINVAL, "%s: number %u is empty", what, i + 1);
		if (!(*names)[i])
			*names = NULL;
		list += bytes + 1;
	}
	*count = n;
	return *names ? 0 : error_set(c->err, -ENOMEM, "out of memory");
}

static int name_features(struct compilation *c)
{
	struct graph *graph = c->graph;
	const char **names;
	uint32_t n;
	char name[32];

	if (c->options->feature_names)
		return split_names(c, c->options->feature_names, "feature names", graph->n_features,
			&graph->feature_names, &n);
	if (!c->rows.names && graph->feature_names)
		return 0; // what the source says
	names = arena_calloc(graph->arena, graph->n_features, sizeof(*names));
	for (uint32_t i = 0; names && i < graph->n_features; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		names[i] = arena_strdup(graph->arena, c->rows.names ? c->rows.names[i] : name);
		if (!names[i])
			return error_set(c->err, -ENOMEM, "out of memory");
	}
	graph->feature_names = names;
	return names ? 0 : error_set(c->err, -ENOMEM, "out of memory");
}

// Where there is a label a column of an output, "probabilities[2]" becomes "probabilities[attack]".
static int name_outputs(struct compilation *c)
{
	struct graph *graph = c->graph;

	for (uint32_t p = 0; p < graph->n_outputs; p++) {
		const struct tensor *tensor = &graph->tensors[graph->outputs[p].tensor];
		uint32_t n = (uint32_t)tensor_elements(tensor), o = graph->outputs[p].first_column;

		for (uint32_t i = 0; i < n && n == graph->n_class_labels && n > 1; i++, o++) {
			char name[400];

			snprintf(name, sizeof(name), "%.*s[%.*s]", text_cut(tensor->name, 180),
				tensor->name, text_cut(graph->class_labels[i], 180),
				graph->class_labels[i]);
			graph->output_names[o] = arena_strdup(graph->arena, name);
			if (!graph->output_names[o])
				return error_set(c->err, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

static int name_classes(struct compilation *c)
{
	struct graph *graph = c->graph;
	int rc = 0;

	if (c->options->class_labels)
		rc = split_names(c, c->options->class_labels, "class labels", graph->n_columns_out,
			&graph->class_labels, &graph->n_class_labels);
	return rc ? rc : name_outputs(c);
}

static int describe(struct compilation *c, const char *path, const void *source, size_t size)
{
	int rc;

	crypto_hash_sha256(c->graph->source_sha256, source, size);
	rc = name_model(c, path);
	if (rc == 0 && c->options->rows_path) {
		const struct rows_options rows = { .n_columns = c->graph->n_features };

		rc = rows_read(c->options->rows_path, &rows, &c->rows, c->err);
	}
	if (rc == 0)
		rc = name_features(c);
	if (rc == 0)
		rc = name_classes(c);
	if (rc == 0)
		rc = calibrate_inputs(c->graph, c->rows.values, c->rows.n_rows, c->err);
	if (rc == 0 && c->rows.n_rows > 0)
		report_add(c->report, "scales of i8 and u8 rows from %zu rows of %s",
			c->rows.n_rows, c->options->rows_path);
	return rc;
}

static int fill_golden(struct compilation *c)
{
	size_t size;
	void *image;
	int rc = image_write(c->graph, &image, &size, c->err);

	if (rc != 0)
		return rc;
	rc = golden_fill(c->graph, image, size, c->rows.values, c->rows.n_rows, c->report, c->err);
	free(image);
	return rc;
}

// The graph computes in fewer bits now, which moves scores: golden rows are scored anew.
static int rescore(struct compilation *c, const char *bits)
{
	size_t size;
	void *image;
	int rc = pass_dead_code(c->graph, c->report, c->err);

	if (rc >= 0)
		rc = image_write(c->graph, &image, &size, c->err);
	if (rc != 0)
		return rc;
	rc = golden_rescore(c->graph, image, size, bits, c->report, c->err);
	free(image);
	return rc;
}

static int fuse_quantised(struct compilation *c)
{
	int rc = pass_fuse_quantised(c->graph, c->report, c->err);

	return rc <= 0 ? rc : rescore(c, "8 bits");
}

static int shorten_weights(struct compilation *c)
{
	int rc;

	if (c->options->weights != WEIGHTS_BF16)
		return 0;
	rc = pass_bf16_weights(c->graph, c->report, c->err);
	if (rc == 0)
		return error_set(c->err, -EINVAL,
			"no dense layer has weights that could be bfloat16: leave them in float32");
	return rc < 0 ? rc : rescore(c, "bfloat16");
}

// With golden rows that every instruction set agrees on.
static int settle(struct compilation *c, void **image, size_t *size)
{
	int rc = golden_settle(c->graph, *image, *size, c->report, c->err);

	free(*image);
	*image = NULL;
	return rc == 0 ? image_write(c->graph, image, size, c->err) : rc;
}

// Opens what was made as martletd will, and compares with the unfolded graph's scores.
static int prove(struct compilation *c, const void *image, size_t size)
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	int rc = model_open(image, size, &options, &model, c->err);

	if (rc != 0)
		return rc;
	rc = model_check_golden(model, c->err);
	if (c->report) {
		c->report->image_bytes = size;
		c->report->weights_bytes = model_info(model)->weights_bytes;
		c->report->scratch_bytes = model_scratch_bytes(model, 1);
	}
	model_close(model);
	return rc;
}

static int make_image(struct compilation *c, void **image, size_t *size)
{
	uint32_t before = c->graph->n_nodes;
	int rc = fill_golden(c);

	if (rc == 0)
		rc = fuse_quantised(c);
	if (rc == 0)
		rc = passes_run(c->graph, c->report, c->err);
	if (rc == 0)
		rc = shorten_weights(c);
	if (rc == 0)
		rc = graph_check(c->graph, c->err);
	if (rc == 0)
		rc = image_write(c->graph, image, size, c->err);
	if (rc == 0 && graph_rounds(c->graph))
		rc = settle(c, image, size);
	if (rc != 0)
		return rc;
	rc = prove(c, *image, *size);
	if (rc != 0) {
		free(*image);
		*image = NULL;
		return rc;
	}
	report_add(c->report, "%u operators became %u steps", before, c->graph->n_nodes);
	report_add(c->report, "%u golden rows %s", c->graph->n_golden,
		graph_rounds(c->graph) ? "score alike by all instruction sets of this CPU"
				       : "agree with the model as it was imported");
	return 0;
}

// By what is in the file; what nobody recognises is ONNX, which has no mark of its own.
static importer *importer_of(const void *bytes, size_t size)
{
	if (xgboost_recognises(bytes, size))
		return import_xgboost;
	return lightgbm_recognises(bytes, size) ? import_lightgbm : import_onnx;
}

int compile_bytes(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err)
{
	static const struct compile_options NONE;
	struct compilation c = {
		.options = options ? options : &NONE, .report = report, .err = err
	};
	int rc = importer_of(bytes, size)(
		bytes, size, c.options->outputs != NULL, &c.graph, report, err);

	*image = NULL;
	*image_size = 0;
	if (rc == 0 && c.options->outputs)
		rc = outputs_select(c.graph, c.options->outputs, err);
	if (rc == 0)
		rc = describe(&c, path, bytes, size);
	else
		error_prefix(err, "%s", path);
	if (rc == 0)
		rc = make_image(&c, image, image_size);
	rows_fini(&c.rows);
	graph_destroy(c.graph);
	if (rc != 0 && err)
		text_clean(err->text); // the names in it are the file's
	return rc;
}

int model_compile(const char *path, const struct compile_options *options, void **image,
	size_t *size, struct compile_report *report, struct error *err)
{
	size_t source_size = 0;
	void *source;
	int rc;

	*image = NULL;
	*size = 0;
	if (report)
		memset(report, 0, sizeof(*report));
	rc = read_source(path, &source, &source_size, err);
	if (rc == 0)
		rc = compile_bytes(path, source, source_size, options, image, size, report, err);
	free(source);
	return rc;
}
