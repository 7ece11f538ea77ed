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

#define COMPRESS_SHARES 6

struct compress_step {
	const char *text;
	// From the image at a path to another in memory. Errors but -ENOMEM and -ECANCELED: the step is not for this model.
	int (*run)(const struct compress_job *job, const struct compress_step *step,
		const char *from, void **image, size_t *size, struct error *err);
	// In rising order, up to the first 0: what is gone of the model as it was, after each of several trials of which each
	// goes on from the one before, so that what is left has learnt in between. Not for run(), which has `amount`.
	double shares[COMPRESS_SHARES];
	double amount;     // share of what the model at the path has, that is to go
	uint32_t training; // times as many epochs as usual; 0: as usual
	uint32_t sizes[4]; // of layers, or rounds and depth
	bool last;         // it may follow all others, and nothing follows it
	const struct compress_step *
		instead; // tried where this one costs more than the bound of the loss; NULL: nothing
};

// [compress_n_steps()]: of each kind the likeliest first, since the time may end.
const struct compress_step *compress_step(uint32_t index);
uint32_t compress_n_steps(void);
