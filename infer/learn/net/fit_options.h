// SPDX-License-Identifier: BSD-3-Clause
// What a training is told (fit.h), and what it tells.
#pragma once

#include "infer/learn/net/net.h"
#include "infer/learn/watch.h"

struct fit; // opaque

// Softmax cross entropy of classes or probabilities, also of a net without a head; sigmoid cross entropy of
// one output for two classes (the second is 1), or of one output a class; half the squared error, summed over outputs.
enum fit_loss { FIT_SOFTMAX, FIT_SIGMOID, FIT_SQUARES };

// Rows to train with or to judge by. What it is all aimed at is what the loss wants.
struct fit_rows {
	size_t n_rows;
	const float *x; // of row index[i]: x + index[i] * n_in, all finite
	const uint32_t *
		index; // [n_rows]; NULL: 0, 1, 2, ... All that follows is found by the same numbers.
	const int32_t *classes; // -1: none, then there must be probabilities; NULL: no row has one
	const float *
		probabilities; // [n_out] each: a teacher's, softened by options.temperature; NULL: none
	const float *
		targets; // [n_out] each, of FIT_SQUARES; NULL: the input itself, as the last layer that
			 // is no weights gives it (an autoencoder's scaled row)
	const float *weights; // of the rows, finite and above 0; NULL: 1 each
};

// What others do to a network while it is trained: masks of pruned weights, shrinkage, rounding to int8. Each
// may be NULL.
struct fit_hooks {
	void *context;
	// Before each pass forward over a minibatch, or over rows to judge by: `used`, a copy of the layer's
	// weights, is what the pass multiplies with. The gradient of `used` is that of the weights.
	void (*use)(void *context, uint32_t layer, const struct net_layer *from, float *used);
	// After each step: may change the weights.
	void (*stepped)(void *context, struct net *net, uint64_t step);
	// What goes into dense layer `layer`, a copy: x [n_rows][n]. By any thread, at the same time as others.
	void (*enter)(void *context, uint32_t layer, float *x, uint32_t n_rows, uint32_t n);
	// The gradient of that: x as enter() left it, dx to be set to 0 where enter() cut off.
	void (*leave)(void *context, uint32_t layer, const float *x, float *dx, uint32_t n_rows,
		uint32_t n);
};

enum fit_moment {
	FIT_STEP,     // one is done, and the epoch is not
	FIT_EPOCH,    // one is done
	FIT_CANCELED, // the watch ends it
};

struct fit_options {
	enum fit_loss loss;
	double learning_rate; // 0: 0.001
	double weight_decay;  // per step, times the learning rate; of weights, not biases
	double clip;          // bound of the gradient's Euclidean norm; 0: none
	// Teaching by probabilities p: (1 - soft) * CE(class, z) + soft * T^2 * CE(p, z / T). G. Hinton, O. Vinyals,
	// J. Dean, "Distilling the knowledge in a neural network", 2015. A row without class counts by its
	// probabilities alone. Without probabilities neither is looked at.
	double temperature; // 0: 1
	double soft;        // 0 to 1
	uint32_t batch;     // 0: 200, or all rows where there are fewer
	uint32_t epochs;    // 0: 200
	// Epochs after which it ends, if in none of them the validation score was better, or, without validation
	// rows, the training loss lower by 1e-4; 0: never.
	uint32_t patience;
	uint32_t threads; // 0: as many as there are CPUs
	uint64_t seed;
	const float *class_weights; // [n_classes]; NULL: 1 each
	struct fit_hooks hooks;
	const struct learn_watch *watch; // NULL: nobody watches
	// Called between two steps, for who wants to fit_save() now. A negative errno ends it. NULL: nobody does.
	int (*pause)(
		void *context, const struct fit *fit, enum fit_moment moment, struct error *err);
	void *pause_context;
};

struct fit_result {
	uint32_t epochs;   // done
	uint32_t best;     // which of them, from 1, the net's weights are of
	double train_loss; // mean of the last epoch's rows
	double loss;       // of the validation rows at the best epoch, or train_loss without any
	double score;      // there: macro F1 of classes, else NaN
	bool stopped;      // by patience
};
