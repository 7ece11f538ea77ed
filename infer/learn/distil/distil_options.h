// SPDX-License-Identifier: BSD-3-Clause
// What a distillation (distil.h) is told. No file of code belongs to it.
#pragma once

#include <math.h>
#include <stdint.h>

enum distil_student { DISTIL_TREES, DISTIL_DENSE };

#define DISTIL_LAYERS_MAX 16

struct distil_options {
	const char *name; // the student's; NULL: "student"
	enum distil_student student;
	double temperature; // that scores are softened by: softmax(logits / T)
	double alpha;       // share of the rows' own labels in the loss
	double drawn; // share of the teaching rows that are drawn between a tree teacher's thresholds, below 1
	double held;       // share of the rows held back to compare by
	uint64_t rows_max; // real rows that teach, at most
	double threshold; // of a teacher of one score; NaN: 0.5 of two classes, 1 of an anomaly_score, else none
	double tolerance; // of a teacher that has neither classes nor threshold: share of its scores' spread
	// Of a dense student. The learning rate 0: 0.003, of trees 0.5.
	uint32_t layers[DISTIL_LAYERS_MAX], n_layers, epochs, batch;
	uint32_t rounds, depth; // of trees
	double learning_rate;
	uint64_t seed;
	uint32_t threads; // 0: as many as there are CPUs
};

#define DISTIL_DEFAULTS                                                                            \
	{                                                                                          \
		.student = DISTIL_TREES, .temperature = 2, .drawn = 0.5, .held = 0.2, .seed = 1,   \
		.rows_max = 200000, .threshold = NAN, .tolerance = 0.05, .layers = { 32, 16 },     \
		.n_layers = 2, .epochs = 60, .batch = 256, .rounds = 6, .depth = 4                 \
	}
