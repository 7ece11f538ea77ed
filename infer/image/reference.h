// SPDX-License-Identifier: BSD-3-Clause
// The histograms of a model's reference rows as they lie in an image (format.h, SECTION_REFERENCE).
#pragma once

#include "infer/graph/graph.h"

// Reads the section's `bytes` into graph->reference, whose counts and edges stay where they are; no
// bytes: there is none. The graph's features and outputs are known. -EINVAL with what is wrong.
int image_read_reference(
	const void *section, uint64_t bytes, struct graph *graph, struct error *err);
