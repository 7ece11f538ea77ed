// SPDX-License-Identifier: BSD-3-Clause
// model_compile(): file -> graph -> passes -> image, and the proof that they agree.
#include "infer/compile/compile.h"
#include "base/file.h"
#include "base/rows.h"
#include "infer/compile/apart.h"
#include "infer/compile/calibrate.h"
#include "infer/compile/golden.h"
#include "infer/compile/names.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/run.h"
#include "infer/compile/source.h"
#include "infer/graph/text.h"
#include "infer/image/image.h"
#include "infer/image/meta.h"
#include "infer/ops/check.h"

#include <stdlib.h>
#include <string.h>

struct compilation {
	const struct compile_options *options;
	struct graph *graph;
	struct rows rows, reference;
	struct apart_rows open; // files of theirs that are open already
	struct compile_rows
		taught;        // those that the image is made with: rows_path's, or the caller's
	const char *taught_by; // what they are called in the report
	struct compile_report *report;
	struct error *err;
};

static int compile_read_rows(struct compilation *c, const char *path, FILE *file, struct rows *rows)
{
	const struct model_info texts = { .texts = c->graph->texts, .n_texts = c->graph->n_texts };
	struct rows_options options = c->options->rows;
	int rc;

	options.n_columns = c->graph->n_features;
	options.names = c->graph->feature_names;
	options.code = model_text_code;
	options.codes = &texts;
	rc = rows_read_open(path, file, &options, rows, c->err);
	for (uint32_t i = 0; i < rows->n_notes; i++)
		report_add(c->report, "%s", rows->notes[i]);
	if (rc == 0 && rows->names && !c->graph->feature_names)
		report_add(c->report, "features are named by the header of %s", path);
	return rc;
}

// What rows, and the options' names, tell of the graph.
static int compile_describe_by_rows(struct compilation *c)
{
	int rc = names_fill_features(c->graph, (const char *const *)c->rows.names, c->err);

	if (rc == 0)
		rc = names_of_classes(c->graph, c->options->class_labels, c->err);
	// An image's, which its clients send 8-bit rows by: they stay when its graph is changed.
	if (rc == 0 && c->graph->input_scale && c->graph->input_zero)
		return 0;
	if (rc == 0)
		rc = calibrate_inputs(c->graph, c->taught.values, c->taught.n_rows, c->err);
	if (rc == 0 && c->taught.n_rows > 0)
		report_add(c->report, "scales of i8 and u8 rows from %zu rows of %s",
			c->taught.n_rows, c->taught_by);
	return rc;
}

static int compile_describe(struct compilation *c, const char *path)
{
	int rc = names_of_model(c->graph, c->options->name, path, c->err);

	if (rc == 0)
		rc = names_of_features(c->graph, c->options->feature_names, c->err);
	if (rc == 0 && c->options->rows_path)
		rc = compile_read_rows(c, c->options->rows_path, c->open.rows, &c->rows);
	if (rc == 0 && c->options->reference_path)
		rc = compile_read_rows(
			c, c->options->reference_path, c->open.reference, &c->reference);
	c->taught = (struct compile_rows){ .values = c->rows.values, .n_rows = c->rows.n_rows };
	c->taught_by = c->options->rows_path;
	return rc != 0 ? rc : compile_describe_by_rows(c);
}

static int compile_fill_golden(struct compilation *c)
{
	int rc = graph_check(c->graph, c->err);

	if (rc == 0)
		rc = image_check_meta(c->graph, c->err);
	return rc != 0 ? rc
		       : golden_fill(c->graph, c->taught.values, c->taught.n_rows,
				 c->options->golden_closest, c->report, c->err);
}

// The graph computes in fewer bits now, which moves scores: golden rows are scored anew.
static int compile_rescore(struct compilation *c, const char *bits)
{
	int rc = pass_dead_code(c->graph, c->report, c->err);

	if (rc >= 0)
		rc = graph_check(c->graph, c->err);
	return rc != 0 ? rc : golden_rescore(c->graph, bits, c->report, c->err);
}

static int compile_fuse_quantised(struct compilation *c)
{
	int rc = pass_fuse_quantised(c->graph, c->report, c->err);

	return rc <= 0 ? rc : compile_rescore(c, "8 bits");
}

static int compile_shorten_weights(struct compilation *c)
{
	int rc;

	if (c->options->weights != WEIGHTS_BF16)
		return 0;
	rc = pass_bf16_weights(c->graph, c->report, c->err);
	if (rc == 0)
		return error_set(c->err, -EINVAL,
			"no dense layer has weights that could be bfloat16: leave them in float32");
	return rc < 0 ? rc : compile_rescore(c, "bfloat16");
}

// Opens the image as martletd will, and compares its scores with those of the graph before the
// passes.
static int compile_prove(struct compilation *c, const void *image, size_t size)
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	int rc = model_open(image, size, &options, &model, c->err);

	if (rc != 0)
		return rc;
	rc = model_check_golden(model, c->err);
	if (rc == -EINVAL)
		error_prefix(c->err,
			"the image does not score as the file says, which is a fault of this "
			"program; --rows FILE checks by rows of your own, and weights or columns "
			"that differ less in size may help");
	if (c->report) {
		c->report->weights_bytes = model_info(model)->weights_bytes;
		c->report->scratch_bytes = model_scratch_bytes(model, 1);
	}
	model_close(model);
	return rc;
}

// Golden rows of the graph as it was imported, then the passes.
static int compile_optimise(struct compilation *c)
{
	int rc = compile_fill_golden(c);

	c->graph->exact = c->options->exact;
	if (rc == 0)
		rc = compile_fuse_quantised(c);
	if (rc == 0)
		rc = passes_run(c->graph, c->report, c->err);
	if (rc == 0)
		rc = compile_shorten_weights(c);
	if (rc == 0)
		rc = graph_check(c->graph, c->err);
	if (rc == 0 && graph_rounds(c->graph))
		rc = golden_settle(c->graph, c->report, c->err);
	return rc;
}

// Puts the histograms of the reference rows into the image, once it is proved.
static int compile_refer(struct compilation *c, void **image, size_t *size)
{
	const bool own = c->reference.n_rows > 0;
	const struct model_reference_rows rows = {
		.values = own ? c->reference.values : c->taught.values,
		.n_rows = own ? c->reference.n_rows : c->taught.n_rows,
	};
	void *proved = *image;
	int rc;

	if (rows.n_rows == 0)
		return 0;
	rc = model_refer(proved, *size, &rows, image, size, c->err);
	free(proved);
	if (rc != 0) {
		*image = NULL;
		return rc;
	}
	report_add(c->report,
		"%zu rows of %s are the reference that rows in service are compared with: model "
		"drift",
		rows.n_rows, own ? c->options->reference_path : c->taught_by);
	return 0;
}

static int compile_make_image(struct compilation *c, void **image, size_t *size)
{
	const uint32_t before = c->graph->n_nodes;
	uint32_t after, n_golden;
	bool rounds;
	int rc = compile_optimise(c);

	if (rc == 0)
		rc = image_write(c->graph, image, size, c->err);
	if (rc != 0)
		return rc;
	after = c->graph->n_nodes;
	n_golden = c->graph->n_golden;
	rounds = graph_rounds(c->graph);
	// A big model's memory is wanted for the proof.
	graph_destroy(c->graph);
	c->graph = NULL;
	rc = compile_prove(c, *image, *size);
	if (rc != 0) {
		free(*image);
		*image = NULL;
		return rc;
	}
	report_add(c->report, "%u operators became %u steps", before, after);
	report_add(c->report, "%u golden rows %s", n_golden,
		rounds ? "score alike by all instruction sets of this CPU"
		       : "agree with the model as it was imported");
	rc = compile_refer(c, image, size);
	if (rc == 0 && c->report)
		c->report->image_bytes = *size;
	return rc;
}

// `rc`: what source_import() gave.
static int compile_finish(
	struct compilation *c, int rc, const char *path, void **image, size_t *image_size)
{
	if (rc == 0)
		rc = compile_describe(c, path);
	if (rc == 0)
		rc = compile_make_image(c, image, image_size);
	rows_fini(&c->rows);
	rows_fini(&c->reference);
	graph_destroy(c->graph);
	if (rc != 0)
		text_clean(c->err->text); // the names in it are the file's
	return rc;
}

static struct compilation compile_begin(
	const struct compile_options *options, struct compile_report *report, struct error *err)
{
	static const struct compile_options NONE;

	return (struct compilation){
		.options = options ? options : &NONE, .report = report, .err = err
	};
}

int compile_bytes(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err)
{
	struct error own = { .text = "" };
	struct compilation c = compile_begin(options, report, err ? err : &own);
	int rc;

	*image = NULL;
	*image_size = 0;
	rc = source_import(path, false, bytes, size, c.options, &c.graph, report, c.err);
	return compile_finish(&c, rc, path, image, image_size);
}

int compile_graph(struct graph *graph, const struct compile_rows *rows,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err)
{
	struct error own = { .text = "" };
	struct compilation c = compile_begin(options, report, err ? err : &own);
	int rc;

	*image = NULL;
	*image_size = 0;
	c.graph = graph;
	c.taught = *rows;
	c.taught_by = "the rows given";
	rc = compile_describe_by_rows(&c);
	if (rc == 0)
		rc = compile_make_image(&c, image, image_size);
	graph_destroy(c.graph);
	return rc;
}

static int compile_source(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, const struct apart_rows *rows, void **image,
	size_t *image_size, struct compile_report *report, struct error *err)
{
	struct compilation c = compile_begin(options, report, err);
	int rc;

	c.open = *rows;
	rc = source_import(path, true, bytes, size, c.options, &c.graph, report, c.err);
	return compile_finish(&c, rc, path, image, image_size);
}

int model_compile(const char *path, const struct compile_options *options, void **image,
	size_t *size, struct compile_report *report, struct error *err)
{
	static const struct apart_rows NONE_OPEN;
	static const struct compile_options NONE;
	struct error own = { .text = "" }, *why = err ? err : &own;
	const struct compile_options *how = options ? options : &NONE;
	size_t source_size = 0;
	void *source;
	int rc;

	*image = NULL;
	*size = 0;
	if (report)
		memset(report, 0, sizeof(*report));
	rc = file_read(path, SOURCE_BYTES_MAX, &source, &source_size, why);
	if (rc != 0)
		return rc;
	if (apart_is_wanted())
		rc = apart_run(
			compile_source, path, source, source_size, how, image, size, report, why);
	else
		rc = compile_source(
			path, source, source_size, how, &NONE_OPEN, image, size, report, why);
	free(source);
	return rc;
}
