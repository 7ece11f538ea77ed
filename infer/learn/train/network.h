// SPDX-License-Identifier: BSD-3-Clause
// What dense networks and autoencoders share: their layers by the options, the scaling of what comes in, and
// training with checkpoints.
#pragma once

#include "infer/learn/net/fit.h"
#include "infer/learn/train/kind.h"

#define NETWORK_LAYERS_MAX 32 // hidden

// The widths of options->layers, or the `otherwise` there are. -EINVAL.
int network_widths(const char *layers, uint32_t n_otherwise, const uint32_t *otherwise,
	uint32_t widths[NETWORK_LAYERS_MAX], uint32_t *n, struct error *err);
// A hidden layer of that width.
struct net_shape network_hidden(const struct train_network *network, uint32_t width);

// Refuses the first value that is not finite, by row and feature. -EINVAL.
int network_check_rows(const struct dataset_part *rows, struct error *err);
// Sets layer 0, an affine, so that each feature has mean 0 and deviation 1 over the rows. One that is the same in
// all of them becomes 0, whatever it is later; or, where `keep_constant`, is shifted alone, by its own size. -EINVAL: a
// value is not finite.
int network_scale(struct net *net, const struct dataset_part *rows, bool keep_constant,
	struct compile_report *report, struct error *err);

// Is the checkpoint that is gone on from one of this job? A kind that trains more than once has an identity for each.
bool network_resumes(const struct train_job *job);
// Trains by the job's options and checkpoint; `aims` has the loss, and class weights. Errors as fit_run()'s.
int network_fit(struct train_job *job, struct net *net, const struct fit_rows *rows,
	const struct fit_rows *validation, const struct fit_options *aims,
	struct fit_result *result, struct error *err);
