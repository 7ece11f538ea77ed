// SPDX-License-Identifier: BSD-3-Clause
// What a search (compress.h) is told, and what it tells. No file of code belongs to it.
#pragma once

#include "infer/infer.h"

struct compress_options {
	const char *name;    // the image's; NULL: the model's
	double max_ns;       // a row, at this batch; 0: no bound
	uint32_t batch;      // a place of MODEL_BATCH_CLASS
	uint64_t max_bytes;  // of the image; 0: no bound
	uint64_t fits_bytes; // that weights may take in memory, as a cache has them; 0: no bound
	const char *fits;    // what that is called: "l1", "l2"; NULL: none
	double max_loss;     // of F1 (R2 of numbers) on the rows held back
	double seconds;      // that trials may take
	double held;         // share of the rows that is held back from all steps
	uint64_t seed;
	uint32_t threads; // 0: as many as there are CPUs
};

#define COMPRESS_DEFAULTS                                                                          \
	{                                                                                          \
		.batch = 2, .max_loss = 0.01, .seconds = 120, .held = 0.25, .seed = 1              \
	}

#define COMPRESS_TRIALS_MAX 256
#define COMPRESS_TEXT       160

struct compress_trial {
	char steps[COMPRESS_TEXT]; // "as it is", "units -50 %, int8"
	double figure;             // F1 or R2 on the rows held back
	double ns_per_row[MODEL_BATCH_CLASSES];
	size_t image_bytes, weights_bytes;
	bool front; // no other is at least as good in all of the figure, the time and the bytes
	bool meets; // all bounds
};

struct compress_result {
	const char *figure; // "F1" or "R2"
	size_t n_taught, n_held;
	struct compress_trial trials[COMPRESS_TRIALS_MAX]; // the first: the model as it is
	uint32_t n_trials;
	uint32_t chosen;  // the fastest that meets all bounds; n_trials: none does
	uint32_t nearest; // then: the one that misses them by the least
	bool out_of_time, interrupted;
};
