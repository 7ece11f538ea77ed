// SPDX-License-Identifier: BSD-3-Clause
// Two versions on the same rows, piece after piece: how many are decided differently, how far scores are
// apart, what a row takes, and the rows that are furthest apart. Memory is that of one piece and of the rows that
// are shown. One thread.
#pragma once

#include "base/interval.h"
#include "infer/infer.h"

#define REPLAY_PIECE     MODEL_BATCH_MAX // rows
#define REPLAY_ALPHA     0.05            // of the intervals, as canary.alpha is by itself
#define REPLAY_SHOWN_MAX 10000u

enum { REPLAY_LIVE, REPLAY_OTHER, REPLAY_SIDES };

struct replay_options {
	double threshold; // of the one score of a model of two classes
	double tolerance; // of scores that are no classes': a share of the spread of the golden rows' scores
	uint32_t shown; // rows that are kept, at most REPLAY_SHOWN_MAX
};

// Where a row comes from, beside its number.
struct replay_place {
	uint64_t packet, request_id; // of a capture of requests; packet 0: of no such
};

struct replay_piece {
	uint32_t n;                      // rows, at most REPLAY_PIECE
	uint64_t first;                  // the number of the first of them, from 0
	const float *rows[REPLAY_SIDES]; // [n][n_features] of each side
	const float *answered; // [n][n_outputs]: the scores of REPLAY_LIVE; NULL: its model's
	const struct replay_place *places; // [n]; NULL: none
};

struct replay_row {
	uint64_t row; // from 0
	struct replay_place place;
	double difference;             // the largest of its scores; NaN where one is not a number
	uint32_t output[REPLAY_SIDES]; // the one with the largest score
	float score[REPLAY_SIDES];     // and that
};

struct replay_result {
	uint64_t n, n_differ, n_not_finite; // not finite: rows with such a score on either side
	uint64_t n_measured;                // rows with finite scores
	double sum, sum_of_squares, largest;
	double ns_per_row[REPLAY_SIDES]; // 0: not scored here
	struct interval share, mean;
	struct replay_row *rows; // [n_rows] that differ, the furthest apart first
	uint32_t n_rows;
};

struct replay;

// `live` NULL: each piece has the scores that were answered. The models must live on, and have as many features
// and outputs. -ENOMEM.
int replay_create(struct model *live, struct model *other, const struct replay_options *options,
	struct replay **out, struct error *err);
void replay_destroy(struct replay *replay); // NULL is fine
void replay_add(struct replay *replay, const struct replay_piece *piece);
// Valid until replay_destroy().
const struct replay_result *replay_finish(struct replay *replay);
