// SPDX-License-Identifier: BSD-3-Clause
// ONNX bytes all the way: importer, calibration, golden rows, passes, image; what opens as a model
// must score any bits on every instruction set. Calibration and golden rows are drawn by seed.
#include "infer/image.h"
#include "infer/import/import.h"

#include <stdlib.h>
#include <string.h>

#define ROWS         3
#define ELEMENTS_MAX (1 << 18) // of all tensors: what a run may compute
#define COLUMNS_MAX  2048
#define NODES_MAX    512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is written must be readable, whatever names and values the file had.
static void reopen(const void *image, size_t bytes)
{
	void *aligned = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	struct graph *again = NULL;
	struct error err;

	if (aligned) {
		memcpy(aligned, image, bytes);
		if (image_open(aligned, bytes, &again, &err) != 0)
			abort();
		graph_destroy(again);
	}
	free(aligned);
}

static void score(const struct model *model, const uint8_t *data, size_t size)
{
	const struct model_info *info = model_info(model);
	size_t values = (size_t)info->n_features * ROWS;
	size_t scratch_bytes = (model_scratch_bytes(model, ROWS) + 63) & ~(size_t)63;
	float *rows = malloc(values * sizeof(float));
	float *outputs = malloc((size_t)info->n_outputs * ROWS * sizeof(float));
	void *scratch = aligned_alloc(64, scratch_bytes);

	for (size_t i = 0; rows && i < values * sizeof(float); i++)
		((uint8_t *)rows)[i] = data[(i * 7 + 3) % size];
	if (rows && outputs && scratch)
		model_score(model, rows, outputs, ROWS, scratch, ROWS);
	free(rows);
	free(outputs);
	free(scratch);
}

static void open_and_score(const void *image, size_t bytes, const uint8_t *data, size_t size)
{
	static const unsigned masks[] = { ISA_SCALAR, ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };

	reopen(image, bytes);
	for (size_t m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
		const struct model_options options = {
			.isa_limited = true, .isa_mask = masks[m], .no_timing = true
		};
		struct model *model;
		struct error err;

		if (model_open(image, bytes, &options, &model, &err) != 0)
			abort(); // it was opened while it was made
		score(model, data, size);
		model_close(model);
	}
}

// Small enough to be computed many times a second.
static bool within_budget(const struct graph *graph)
{
	int64_t elements = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++)
		elements += tensor_elements(&graph->tensors[t]);
	return elements <= ELEMENTS_MAX && graph->n_nodes <= NODES_MAX &&
		graph->n_features <= COLUMNS_MAX && graph->n_columns_out <= COLUMNS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compile_report report = { 0 };
	struct error err = { "" };
	struct graph *graph;
	void *image = NULL;
	size_t bytes;
	bool sound = import_onnx(data, size, &graph, &report, &err) == 0;

	if (!sound && !err.text[0])
		abort(); // refused without a sentence
	sound = sound && within_budget(graph);
	graph_destroy(graph);
	err.text[0] = '\0';
	if (sound) {
		if (compile_bytes("fuzz.onnx", data, size, NULL, &image, &bytes, &report, &err) ==
			0)
			open_and_score(image, bytes, data, size);
		else if (!err.text[0] || strncmp(err.text, "image ", 6) == 0)
			abort(); // or written and not readable
	}
	free(image);
	compile_report_fini(&report);
	return 0;
}
