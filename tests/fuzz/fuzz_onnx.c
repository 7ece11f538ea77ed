// SPDX-License-Identifier: BSD-3-Clause
// ONNX bytes through importer and passes, and what they make through the image and back.
#include "infer/image.h"
#include "infer/import/import.h"
#include "infer/passes/passes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void through_image(const struct graph *graph)
{
	struct graph *again = NULL;
	struct error err;
	void *image;
	size_t bytes;

	if (image_write(graph, &image, &bytes, &err) != 0)
		return;
	// image_open() wants the alignment that martletd gives it.
	void *aligned = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (aligned) {
		memcpy(aligned, image, bytes);
		if (image_open(aligned, bytes, &again, &err) != 0)
			abort(); // what we write we must read
		graph_destroy(again);
	}
	free(aligned);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compile_report report = { 0 };
	struct graph *graph;
	struct error err = { "" };

	if (import_onnx(data, size, &graph, &report, &err) != 0) {
		if (!err.text[0])
			abort(); // refused without a sentence
	} else {
		if (passes_run(graph, &report, &err) == 0) {
			if (graph_check(graph, &err) != 0)
				abort(); // passes broke a sound graph
			through_image(graph);
		}
		graph_destroy(graph);
	}
	compile_report_fini(&report);
	return 0;
}
