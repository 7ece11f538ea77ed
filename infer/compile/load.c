// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/load.h"

#include "base/align.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/trust/sealed.h"
#include "infer/compile/apart.h"
#include "infer/compile/names.h"
#include "infer/compile/passes/run.h"
#include "infer/compile/source.h"
#include "infer/image/format.h"
#include "infer/image/image.h"
#include "infer/ops/check.h"

#include <stdlib.h>
#include <string.h>

static int load_import(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, struct graph **graph, struct compile_report *report,
	struct error *err)
{
	int rc = source_import(path, true, bytes, size, options, graph, report, err);

	if (rc == 0)
		rc = names_of_model(*graph, options->name, path, err);
	if (rc == 0)
		rc = names_of_features(*graph, options->feature_names, err);
	if (rc == 0)
		rc = names_fill_features(*graph, NULL, err);
	if (rc == 0)
		rc = names_of_classes(*graph, options->class_labels, err);
	if (rc == 0)
		rc = passes_run(*graph, report, err);
	return rc != 0 ? rc : graph_check(*graph, err);
}

// In a child: the graph comes back as an image.
static int load_apart(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, const struct apart_rows *rows, void **image,
	size_t *image_size, struct compile_report *report, struct error *err)
{
	struct graph *graph = NULL;
	int rc = load_import(path, bytes, size, options, &graph, report, err);

	if (rc == 0)
		rc = image_write(graph, image, image_size, err);
	graph_destroy(graph);
	return rc;
}

// An image has scales of 8-bit rows always. Those that it has for want of others (write.c) are none that the foreign
// model said, and rows may still say better ones.
static void load_forget_scales(struct graph *graph)
{
	for (uint32_t i = 0; i < graph->n_features; i++)
		if (graph->input_scale[i] != 1.0f || graph->input_zero[i] != 0.0f)
			return;
	graph->input_scale = graph->input_zero = NULL;
}

static int load_foreign(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, struct loaded_graph *loaded,
	struct compile_report *report, struct error *err)
{
	struct compile_options how = *options;
	size_t image_size;
	int rc;

	if (!apart_is_wanted())
		return load_import(path, bytes, size, options, &loaded->graph, report, err);
	how.rows_path = how.reference_path = NULL; // nothing looks at them here
	rc = apart_run(
		load_apart, path, bytes, size, &how, &loaded->bytes, &image_size, report, err);
	if (rc == 0)
		rc = image_open(loaded->bytes, image_size, &loaded->graph, err);
	if (rc == 0)
		load_forget_scales(loaded->graph);
	return rc;
}

// An image lies at an aligned address, which file_read() does not promise.
static int load_image(const char *path, const void *bytes, size_t size, struct loaded_graph *loaded,
	struct error *err)
{
	int rc;

	loaded->bytes = aligned_alloc(IMAGE_ALIGN, align_up(size + 1, IMAGE_ALIGN));
	if (!loaded->bytes)
		return error_set(err, -ENOMEM, "out of memory for %zu bytes of %s", size, path);
	memcpy(loaded->bytes, bytes, size);
	loaded->is_image = true;
	rc = image_open(loaded->bytes, size, &loaded->graph, err);
	if (rc != 0)
		error_prefix(err, "%s", path);
	return rc;
}

int graph_load(const char *path, const struct compile_options *options, struct loaded_graph *loaded,
	struct compile_report *report, struct error *err)
{
	static const struct compile_options NONE;
	size_t size = 0;
	void *bytes;
	int rc = file_read(path, SOURCE_BYTES_MAX, &bytes, &size, err);

	*loaded = (struct loaded_graph){ 0 };
	if (rc != 0)
		return rc;
	if (sealed_is(bytes, size)) {
		rc = sealed_refuse(bytes, size, err);
		error_prefix(err, "%s", path);
	} else if (model_is_image(bytes, size))
		rc = load_image(path, bytes, size, loaded, err);
	else
		rc = load_foreign(
			path, bytes, size, options ? options : &NONE, loaded, report, err);
	sha256_of(loaded->sha256, bytes, size);
	free(bytes);
	if (rc != 0)
		graph_unload(loaded);
	return rc;
}

void graph_unload(struct loaded_graph *loaded)
{
	graph_destroy(loaded->graph);
	free(loaded->bytes);
	*loaded = (struct loaded_graph){ 0 };
}
