// SPDX-License-Identifier: BSD-3-Clause
#include "tests/fuzz/import.h"
#include "infer/compile/compile.h"
#include "infer/image/image.h"
#include "infer/import/foreign.h"
#include "tests/fuzz/score.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX (1 << 18) // of all tensors: what a run may compute
#define COLUMNS_MAX  2048
#define NODES_MAX    512

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

// Small enough to be computed many times a second.
static bool within_budget(const struct graph *graph)
{
	int64_t elements = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++)
		elements += tensor_elements(&graph->tensors[t]);
	return elements <= ELEMENTS_MAX && graph->n_nodes <= NODES_MAX &&
		graph->n_features <= COLUMNS_MAX && graph->n_columns_out <= COLUMNS_MAX;
}

static void compile_and_score(const uint8_t *data, size_t size)
{
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	void *image = NULL;
	size_t bytes;

	if (compile_bytes("fuzz.onnx", data, size, NULL, &image, &bytes, &report, &err) != 0) {
		if (!err.text[0] || strncmp(err.text, "image ", 6) == 0)
			abort(); // without a sentence, or written and not readable
	} else {
		reopen(image, bytes);
		if (!fuzz_score(image, bytes, data, size, &err))
			abort(); // it was opened while it was made
	}
	free(image);
	compile_report_fini(&report);
}

int fuzz_import(int (*import)(const void *bytes, size_t size, const struct import_options *options,
			struct graph **graph, struct compile_report *report, struct error *err),
	const uint8_t *data, size_t size)
{
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	struct graph *graph;
	bool sound = import(data, size, &(struct import_options){ .labels = false }, &graph,
			     &report, &err) == 0;

	if (!sound && !err.text[0])
		abort(); // refused without a sentence
	if (!sound && foreign_refuse(data, size, &err) != 0 && !err.text[0])
		abort();
	sound = sound && within_budget(graph);
	graph_destroy(graph);
	compile_report_fini(&report);
	if (sound)
		compile_and_score(data, size);
	return 0;
}
