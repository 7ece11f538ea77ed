// SPDX-License-Identifier: BSD-3-Clause
// What happens to a net between two steps of pruning: it is trained, judged and looked at. One thread.
#pragma once

#include "infer/learn/prune/prune_job.h"

// How weights are kept from growing again while a net is trained.
struct prune_masks {
	uint8_t **kept; // [n_layers] of each weight 0 or 1; NULL: all are
};
// Trains job->net by the rows that teach; `masks` may be NULL. Does nothing where no epochs are asked for. -ECANCELED,
// -EDOM (it diverges), -ENOMEM.
int prune_tune(struct prune_job *job, struct net *net, const struct prune_masks *masks,
	uint32_t step, struct error *err);
// The figure of a net.
int prune_judge_net(
	const struct prune_job *job, const struct net *net, double *figure, struct error *err);

// What goes into each layer of a net over rows that teach: mean and deviation, [n_in] of each.
struct prune_inputs {
	double **mean, **deviation; // [n_layers]
	uint32_t n_layers;
};
int prune_look(const struct prune_job *job, const struct net *net, struct prune_inputs *inputs,
	struct error *err);
void prune_inputs_fini(struct prune_inputs *inputs); // a zeroed one is fine
