// SPDX-License-Identifier: BSD-3-Clause
// Which kernel of a table is the fastest here, for each class of batch sizes: by a race, by what an
// earlier opening of the image found, or by rule where nothing is timed.
#pragma once

#include "infer/kernels/kernels.h"
#include "infer/plan/builder.h"

// How the tables of kernels begin: the scalar one first, then in ascending order of preference.
struct contest {
	const void *kernels; // entries of kernel_bytes, each with `const char *name; unsigned isa;`
	size_t kernel_bytes; // in front
	uint32_t count;      // at most KERNELS_MAX
	double sample_ns;    // race.h
	void *context;
	// Called before the first race; memory for the rows, say. 0, or -ENOMEM.
	int (*ready)(void *context);
	void (*call)(void *context, const void *kernel, uint32_t rows);
};
#define KERNELS_MAX 16

// Fills chosen[] with entries of the table and the names into the builder's step. `rows` of the
// kernel in a batch of each class. -ENOMEM.
int contest_choose(struct builder *builder, const struct contest *contest,
	const uint32_t rows[MODEL_BATCH_CLASSES], const void *chosen[MODEL_BATCH_CLASSES]);
