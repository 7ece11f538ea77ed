// SPDX-License-Identifier: BSD-3-Clause
// What the values of a graph's tensors are over calibration rows: from these come the scales of 8-bit integers.
#pragma once

#include "infer/graph/graph.h"

#define RANGE_BINS         2048
#define RANGE_CHANNELS_MAX 4096 // of more only the whole is known

enum range_wanted { RANGE_UNWANTED, RANGE_WHOLE, RANGE_CHANNELS };

struct range {
	uint64_t count;  // finite values seen; 0: nothing is known
	float low, high; // of them
	uint64_t *bins;  // [RANGE_BINS] from low to high; NULL: not counted
	double *mean;    // [elements of the tensor], over the rows
	struct range *
		channels; // [n_channels] of each column, the last dimension, without means; NULL: not wanted
	uint32_t n_channels;
};

struct ranges {
	const struct graph *graph;
	struct range *of;   // [n_tensors]
	uint32_t n_tensors; // of the graph when they were collected
	size_t n_rows;
};

// Computes the graph, which has passed graph_check(), on rows [n_rows][n_features]. Of float32 tensors that are
// `wanted` [n_tensors], enum range_wanted, the ranges and means are kept, and with `bins` how often which values are seen, for which all
// rows are gone through twice. -ENOMEM; -EDOM where a wanted tensor has a value that is not finite.
int ranges_collect(struct ranges *ranges, const struct graph *graph, const float *rows,
	size_t n_rows, const uint8_t *wanted, bool bins, struct error *err);
void ranges_fini(struct ranges *ranges); // a zeroed one is fine
