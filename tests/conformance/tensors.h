// SPDX-License-Identifier: BSD-3-Clause
// A test's input_N.pb and output_N.pb: one TensorProto a file, in the dtypes the importer gives
// them.
#pragma once

#include "infer/graph/graph.h"

struct tensors {
	struct graph *graph; // owns all of it
	uint32_t *at;        // [n] tensors of the graph
	uint32_t n;
};

// Reads FOLDER/STEM_0.pb, STEM_1.pb, ... as far as they go. -EINVAL: not a sound tensor; -ENOTSUP:
// one of text, say; -ENOMEM.
int tensors_read(const char *folder, const char *stem, struct tensors *tensors, struct error *err);
void tensors_fini(struct tensors *tensors);
const struct tensor *tensors_get(const struct tensors *tensors, uint32_t i);

// The whole file, malloc'ed; NULL: none, or empty.
void *read_whole(const char *path, size_t *size);
