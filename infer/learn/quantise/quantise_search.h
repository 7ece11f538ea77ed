// SPDX-License-Identifier: BSD-3-Clause
// One quantisation on its way, and which of its layers stay in floats.
#pragma once

#include "infer/compile/load.h"
#include "infer/compile/passes/quantise_layers.h"
#include "infer/learn/quantise/quantise_judge.h"
#include "infer/learn/quantise/quantise_options.h"

// Rows of a part of the set, side by side.
struct quantise_rows {
	float *values;
	int32_t *classes; // NULL: none
	size_t n;
};

struct quantising {
	const struct quantise_request *request;
	struct quantise_options options;
	struct loaded_graph loaded;
	struct graph *graph; // the float one: loaded's, or the last of the copies
	struct graph *copies
		[3]; // [n_copies] split, equalised, fine-tuned: each stands on what it was made of
	uint32_t n_copies;
	struct model *model; // of it, for the dataset
	struct dataset set;
	struct quantise_rows calibration, judged;
	struct ranges ranges;
	struct quantise_layers layers;
	char (*why)[160]; // [layers.count]
	struct quantise_judge judge;
	struct quantise_loss loss;
	struct graph *quantised;
	struct quantise_result *result;
	struct compile_report *report;
	struct error *err;
};

// Quantises the layers that can be, and puts functions between them and layers back to float until the loss is within
// the bound: fills q->quantised, q->loss and q->why. -EINVAL: none can be; -ECANCELED: the watch ended it; -ENOMEM.
int quantising_layers(struct quantising *q);
// The layers as they are kept or not: q->quantised and q->loss anew.
int quantising_again(struct quantising *q);
