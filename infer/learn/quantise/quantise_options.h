// SPDX-License-Identifier: BSD-3-Clause
// What a quantisation is asked for, and what it tells.
#pragma once

#include "infer/learn/data/dataset.h"
#include "infer/learn/watch.h"

enum quantise_bits { QUANTISE_INT8, QUANTISE_BF16 };
// As enum quantise_calibration (compile/passes/quantise_scale.h), in the same order.
enum quantise_ranges { QUANTISE_OF_MINMAX, QUANTISE_OF_PERCENTILE, QUANTISE_OF_MSE };
enum quantise_scores { QUANTISE_SCORES_AS_THEY_ARE, QUANTISE_TEMPERATURE, QUANTISE_PLATT };

struct quantise_request {
	const char *model, *rows;       // paths
	const char *name;               // the image's; NULL: the model's own
	struct dataset_options dataset; // `model` and `target` are set here
	enum quantise_bits bits;
	enum quantise_ranges calibration;
	bool symmetric, per_tensor, power_of_two, full_range;
	bool no_equalise, no_bias_correction;
	bool any_speed; // recurrent layers that are slower in 8 bits on this CPU are put there, too
	// What may be lost: of macro F1 (0.005: half a point), of rows without labels the share that is decided
	// otherwise, of models that do not decide the error beside the scores' own spread.
	double max_loss;
	const char *keep; // "a,b": layers to be left in float; NULL: none
	uint32_t tune;    // epochs of fine-tuning where the loss is over the bound; 0: none
	bool tune_always; // whatever the loss is
	enum quantise_scores scores;
	uint64_t seed;                   // of what divides the rows, and of fine-tuning
	const struct learn_watch *watch; // NULL: nobody watches
};

struct quantise_layer_result {
	char name[64];
	char op[24];
	bool quantised;
	char why[160];     // where it is not
	double snr_db;     // of its results, to their error; INFINITY: none, NaN: not measured
	double mean_error; // absolute
};

struct quantise_result {
	struct quantise_layer_result *layers; // [n_layers]
	uint32_t n_layers, n_quantised;
	uint32_t n_put_back;            // of those that are not: to float, for their loss
	size_t n_calibration, n_judged; // rows
	bool held_back;                 // those that judge are none of those that calibrate
	bool labelled;                  // f1_before and f1_after are what they say
	double f1_before, f1_after;     // macro
	double disagree;                // share of the judged rows that are decided otherwise
	double loss;                    // what is bounded by max_loss
	bool decides; // false: `loss` is a relative error, `disagree` is not known
	bool tuned;
	double scale, shift; // of the logits, where scores were calibrated; else scale 0
	double log_loss_before, log_loss_after; // likewise
};
