// SPDX-License-Identifier: BSD-3-Clause
// What the kinds that give an anomaly score share: their graph's input and names, and the threshold, which is
// folded in so that a score above 1 is an alarm.
#pragma once

#include "infer/learn/train/kind.h"

// Makes job->graph with the features' input, whose tensor is *input, their names and texts.
int anomaly_begin(struct train_job *job, uint32_t *input, struct error *err);

// Scores rows by a graph that passes graph_check(), into [n][n_columns_out].
int anomaly_score_rows(const struct graph *graph, const struct dataset_part *rows, float *scores,
	struct error *err);

// The threshold above which lie at most `rate` of the scores: halfway between two that differ, or just
// above the highest. Sorts `scores`, [n], n > 0, all finite and at least 0. Above 0.
double anomaly_threshold(float *scores, size_t n, double rate);

// Makes tensor `score` of job->graph, f32 [1, 1], the output "anomaly_score", divided by the threshold that
// the validation rows, or without them the training rows, give for the
// options' false_positive_rate.
int anomaly_end(struct train_job *job, uint32_t score, struct error *err);
