// SPDX-License-Identifier: BSD-3-Clause
// How a canary or a shadow compares with live on the same rows, as the control plane asks for it: those that came
// by UDP scored by the lcores in idle time (lane.h), those of the API by threads of its own (aside.h), read without
// stopping them. The control thread only, where nothing else is said.
#pragma once

#include "base/decision.h"
#include "base/error.h"
#include "dataplane/figures.h"
#include "dataplane/info.h"

#include <stdbool.h>
#include <stdint.h>

struct dataplane;

// What is to be compared, and when decisions count as different.
struct compare_request {
	uint16_t id;
	enum watch_kind kind; // WATCH_CANARY or WATCH_SHADOW
	uint32_t every;       // 1 of so many of the rows that live answers
	float threshold;      // of the one score of a model with two classes
	float tolerance;      // of scores that are no classes': a share of their spread
	double latency_ratio; // the other is slower where it takes longer than live times this
};

struct compared {
	uint16_t live, other; // versions
	enum decision_rule rule;
	float threshold;
	uint32_t n_features, n_outputs;
	struct watch_rows rows;              // of all lcores
	struct watch_figures figures;        // likewise; the last rows that disagreed newest first
	double seconds_ago[WATCH_LAST_ROWS]; // that they were compared
};

// Compares what is in service under the id in these roles, from now on; where that is compared already, by the
// same latency_ratio, nothing happens, and where there is no version in such a role nothing is compared any more. A model's
// classes are known by its labels: where each has a score the largest decides (of equal ones the first), and where two
// have one score, the side of the threshold that it is on. Else a score counts as different that is further away than tolerance times the
// spread of live's golden scores of that column (1, where it has none). -EINVAL where the two cannot be
// compared; -ENOMEM.
int dataplane_compare(
	struct dataplane *dp, const struct compare_request *request, struct error *err);
// False where nothing is compared.
bool dataplane_compared(
	const struct dataplane *dp, uint16_t id, enum watch_kind kind, struct compared *out);

// What is held has answered rows [n][n_features] with scores [n][n_outputs]: a sample of them waits to be compared.
// `is_busy`: there is no time for any of it. Whether anything waits now. Any thread.
bool dataplane_offer(struct dataplane *dp, const struct deployment_hold *held, const float *rows,
	const float *scores, uint32_t n, bool is_busy);
// Compares a few of the rows that wait. False where none waits any more, or another thread is at it and will see to
// the rest. Any thread that has nothing better to do.
bool dataplane_work_aside(struct dataplane *dp);
