// SPDX-License-Identifier: BSD-3-Clause
// The steps that a search (compress.h) tries: one line each in a table.
#pragma once

#include "infer/learn/compress/compress_options.h"
#include "infer/learn/data/dataset.h"
#include "infer/learn/watch.h"

// What a step works with.
struct compress_job {
	const struct compress_options *options;
	const char *name;                   // of the model
	const char *rows;                   // path of the rows that teach
	const struct dataset_options *read; // how they are read
	const struct learn_watch *watch;
};

struct compress_step {
	const char *text;
	// From the image at a path to another in memory. Errors but -ENOMEM and -ECANCELED: the step is not for this model.
	int (*run)(const struct compress_job *job, const struct compress_step *step,
		const char *from, void **image, size_t *size, struct error *err);
	double amount;
	uint32_t sizes[4]; // of layers, or rounds and depth
	bool last;         // it may follow all others, and nothing follows it
};

// [compress_n_steps()]: of each kind the likeliest first, since the time may end.
const struct compress_step *compress_step(uint32_t index);
uint32_t compress_n_steps(void);
