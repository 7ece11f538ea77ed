// SPDX-License-Identifier: BSD-3-Clause
// Rows that a model's golden ones are chosen from: those of the model's own user, else rows that are
// made so that as many weights as possible matter for a score.
#pragma once

#include "infer/graph/graph.h"

struct model;

struct golden_rows {
	float *rows; // [count_max][n_features], the caller's
	uint32_t count_max, count;
	// Only the rows whose number is divisible by 4 are drawn as rows of a model usually are; the
	// others may well be beyond what the model can take, and are silently left out then.
	bool has_odd;
};

// Rows of the user's own, evenly spread and finite; the rows between them are the next candidates.
// `wanted` of them are taken first.
void golden_rows_choose(struct golden_rows *golden, uint32_t n_features, const float *from,
	size_t n_from, uint32_t wanted);
// Every second row that was chosen gives way to one of the rows about which `model`, the graph's, decides the closest: of
// several scores the two largest are near each other, one is near the threshold that it has (1 of an anomaly score, 0.5
// of a probability, else 0). Of very many rows, or of a big model, only some are looked at. 0 or -ENOMEM.
int golden_rows_closest(const struct graph *graph, const struct model *model,
	struct golden_rows *golden, const float *from, size_t n_from, struct error *err);
// Drawn by a fixed seed, so that every machine draws the same rows. Where rows go straight into trees,
// near their thresholds and such that the first ones reach as many leaves as possible. The first
// `wanted` are a sound choice. 0 or -ENOMEM.
int golden_rows_draw(
	const struct graph *graph, struct golden_rows *golden, uint32_t wanted, struct error *err);
// Replaces some of the rows that were drawn by such in which a score is halfway from one end to the
// other: a Sigmoid or a Softmax far from there hides what is before it. `model` is the graph's. 0 or
// -ENOMEM.
int golden_rows_halve(const struct graph *graph, const struct model *model,
	struct golden_rows *golden, struct error *err);
