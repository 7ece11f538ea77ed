// SPDX-License-Identifier: BSD-3-Clause
// What is to be learnt from rows that were answered: which of a slot's rows are sampled, what becomes of them
// in idle time (lane.h), and the figures of it. A watch is published by one pointer like a deployment, and is
// freed after a grace period; it holds the deployments that it names, so that they live at least as long.
//
// The control thread makes, publishes, reads and withdraws watches. Lcores look them up anew for every
// sample and every slice of work, and never hold one past their quiescent state.
#pragma once

#include "base/error.h"
#include "dataplane/figures.h"
#include "dataplane/registry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Counts one row with the scores it was answered with; on the lcore, whose `of_lcore` it is.
typedef void watch_count(void *of_lcore, const float *row, uint32_t n_features,
	const float *outputs, uint32_t n_outputs);

struct watch {
	// Set before it is published, then only read.
	enum watch_kind kind;
	uint16_t id;
	uint64_t generation;      // no other watch has it
	uint32_t every;           // 1 of so many of live's rows is sampled; of a canary's every one
	struct deployment *live;  // held
	struct deployment *other; // held; NULL for WATCH_DRIFT
	enum watch_rule rule;
	float threshold; // of WATCH_SIDE
	float *allowed;  // [n_outputs], of WATCH_WITHIN; owned
	double latency_ratio;
	watch_count *count; // of WATCH_DRIFT
	uint8_t *counts;    // [n_lcores][count_bytes], zeroed, each from a cache line on; owned
	size_t count_bytes;
	uint32_t n_lcores;
	struct watch_figures *figures; // [n_lcores]; owned

	// The control thread's own.
	uint64_t grace_token;
	struct watch *next_retired;
};

struct watches {
	// Written by the control thread, read by lcores.
	_Atomic(uint32_t) n; // published; 0: an lcore needs not look further
	_Atomic(const struct watch *) (*of)[WATCH_KINDS]; // [REGISTRY_SLOTS]

	// The control thread's own.
	struct registry *registry;
	uint64_t generations;
	struct watch *retired; // oldest first
};

struct watch_request {
	enum watch_kind kind;
	uint16_t id;
	uint32_t every;                  // at least 1
	struct deployment *live, *other; // in the registry
	enum watch_rule rule;
	float threshold;
	const float *allowed; // [n_outputs], copied; NULL where the rule needs none
	double latency_ratio;
	watch_count *count;
	size_t count_bytes; // of one lcore
};

int watches_create(struct registry *registry, struct watches **out, struct error *err);
// No lcore may run any more; before registry_destroy(). NULL is fine.
void watches_destroy(struct watches *watches);

// Makes a watch and publishes it over the slot's one of the same kind, whose figures go. -EINVAL where the two
// versions have not as many features and outputs; -ENOMEM. Then nothing has changed.
int watches_publish(
	struct watches *watches, const struct watch_request *request, struct error *err);
// None of that kind any more. Nothing happens where there is none.
void watches_withdraw(struct watches *watches, uint16_t id, enum watch_kind kind);
// Frees what no lcore can be reading any more. To be called now and then.
void watches_reclaim(struct watches *watches);
// Published; NULL: none. Good until it is withdrawn or published over.
const struct watch *watches_find(const struct watches *watches, uint16_t id, enum watch_kind kind);

// The sum over all lcores, which may be counting meanwhile; of the last rows that disagreed the newest, newest
// first: n_last says how many.
void watch_sum(const struct watch *watch, struct watch_figures *sum);
// What `count` counts into, of one lcore.
static inline void *watch_counts(const struct watch *watch, uint32_t lcore)
{
	return watch->counts + lcore * watch->count_bytes;
}

// Whether two rows of scores of the watch's model mean different decisions.
bool watch_differs(const struct watch *watch, const float *live, const float *other);
