// SPDX-License-Identifier: BSD-3-Clause
// What is to be learnt from rows that were answered: which of a slot's rows are sampled, what becomes of them
// in idle time (lane.h), and the figures of it. A watch is published by one pointer like a deployment, and is
// freed after a grace period; it holds the deployments that it names, so that they live at least as long.
//
// The control thread makes, publishes, reads and withdraws watches. Lcores look them up anew for every
// sample and every slice of work, and never hold one past their quiescent state.
#pragma once

#include "base/decision.h"
#include "base/drift.h"
#include "base/error.h"
#include "dataplane/figures.h"
#include "dataplane/registry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct watch {
	// Set before it is published, then only read.
	enum watch_kind kind;
	uint16_t id;
	uint64_t generation;      // no other watch has it
	uint32_t every;           // 1 of so many of live's rows is sampled; of a canary's every one
	struct deployment *live;  // held; of WATCH_DRIFT_CANARY the canary
	struct deployment *other; // held; NULL where rows are counted
	struct decision decision; // of two versions; what it allows is owned
	double latency_ratio;
	uint32_t n_lcores;             // of those that count, watches->n_lcores + 1
	struct watch_rows *rows;       // [n_lcores]; owned
	struct watch_figures *figures; // [n_lcores], of two versions; owned
	// Where rows are counted: by live's reference, into `counts` [n_lcores][stride], which wrap around;
	// each lcore's from a cache line on. Owned.
	const struct drift_reference *reference;
	uint32_t *counts;
	uint32_t stride, n_counts;

	// The control thread's own.
	uint64_t n_told; // rows that were done when counts were last taken
	uint32_t *told;  // [n_counts]: the sum over lcores as it was then; owned
	uint64_t grace_token;
	struct watch *next_retired;
	LIST_ENTRY(watch) published;
};

struct watches {
	// Written by the control thread, read by lcores.
	_Atomic(uint32_t) n; // published; 0: an lcore needs not look further
	_Atomic(const struct watch *) (*of)[WATCH_KINDS]; // [REGISTRY_SLOTS]

	// Set once: of the registry, and behind them one that counts what is answered beside them (aside.h).
	uint32_t n_lcores;

	// The control thread's own.
	struct registry *registry;
	uint64_t generations;
	LIST_HEAD(, watch) published;
	struct watch *retired; // oldest first
};

struct watch_request {
	enum watch_kind kind;
	uint16_t id;
	uint32_t every;                  // at least 1
	struct deployment *live, *other; // in the registry
	struct decision decision;        // what it allows is copied; NULL where the rule needs none
	double latency_ratio;
};

int watches_create(struct registry *registry, struct watches **out, struct error *err);
// No lcore may run any more; before registry_destroy(). NULL is fine.
void watches_destroy(struct watches *watches);

// Makes a watch and publishes it over the slot's one of the same kind, whose figures go. -EINVAL where the two
// versions have not as many features and outputs, or where the rows of a model without a reference are to be
// counted; -ENOMEM. Then nothing has changed.
int watches_publish(
	struct watches *watches, const struct watch_request *request, struct error *err);
// None of that kind any more. Nothing happens where there is none.
void watches_withdraw(struct watches *watches, uint16_t id, enum watch_kind kind);
// Withdraws comparisons of versions that are not in these roles any more.
void watches_sweep(struct watches *watches);
// Frees what no lcore can be reading any more. To be called now and then.
void watches_reclaim(struct watches *watches);
// Published; NULL: none. Good until it is withdrawn or published over.
const struct watch *watches_find(const struct watches *watches, uint16_t id, enum watch_kind kind);

// The sums over all lcores, which may be counting meanwhile. Of the last rows that disagreed the newest, newest
// first: n_last says how many.
void watch_sum_rows(const struct watch *watch, struct watch_rows *sum);
void watch_sum(const struct watch *watch, struct watch_figures *sum);
// What was counted since the last call, [n_counts]. False: nothing.
bool watch_take_counts(struct watch *watch, uint32_t *counts);
// What a lcore counts into.
static inline uint32_t *watch_counts(const struct watch *watch, uint32_t lcore)
{
	return watch->counts + (size_t)lcore * watch->stride;
}
