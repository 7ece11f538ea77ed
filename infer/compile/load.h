// SPDX-License-Identifier: BSD-3-Clause
// A model from whichever file there is of it, as a graph that may be changed: for what prunes, quantises and
// teaches. An image's graph is what the passes made of the source; a foreign model is brought to the same.
#pragma once

#include "infer/graph/graph.h"
#include "infer/infer.h"

struct loaded_graph {
	struct graph *graph; // owned, until the caller takes it and sets this to NULL
	void *bytes; // an image, which constants of the graph point into; NULL: they are the graph's own
	bool is_image;
	uint8_t sha256[32]; // of the file: what lineage.h's from_sha256 asks for
};

// Opens an image (.mlt, by its first bytes), or imports a foreign model with `options`, NULL: none. The graph
// has its name, its features' and outputs' names, and has been through the passes, but is not quantised. Golden
// rows are those of the image, or none. `report` may be NULL. 0, or what image_open() or model_compile() says.
int graph_load(const char *path, const struct compile_options *options, struct loaded_graph *loaded,
	struct compile_report *report, struct error *err);
// A graph that was taken must have gone before. A zeroed one is fine.
void graph_unload(struct loaded_graph *loaded);
