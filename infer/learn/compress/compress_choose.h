// SPDX-License-Identifier: BSD-3-Clause
// Which of a search's trials is the one: the fastest that meets the bounds.
#pragma once

#include "base/error.h"
#include "infer/learn/compress/compress_options.h"

// How far over its bounds a trial is, as shares of them, added up; 0: it meets all.
double compress_misses(const struct compress_options *options, const struct compress_result *result,
	const struct compress_trial *trial);
// Fills chosen (n_trials: none meets the bounds), nearest, and each trial's front: that no other is as good in all and
// better in something.
void compress_choose(const struct compress_options *options, struct compress_result *result);
// -EDOM with the nearest trial, where none meets the bounds; -ECANCELED where the search was interrupted before.
int compress_refuse(const struct compress_options *options, const struct compress_result *result,
	struct error *err);
