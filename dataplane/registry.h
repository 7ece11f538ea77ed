// SPDX-License-Identifier: BSD-3-Clause
// Which model answers for which id. A slot is one pointer to an immutable route of deployments, one for
// each version in service; whatever changes is a new route published over the old one. The old one, and
// the deployments that are not in the new one, are freed after a grace period (rte_rcu_qsbr). Lcores only
// look up, and never hold a route or a deployment past their quiescent state.
#pragma once

#include "base/error.h"
#include "base/histogram.h"
#include "dataplane/info.h"
#include "dataplane/route.h"
#include "dataplane/wire.h"

#include <rte_common.h>
#include <rte_rcu_qsbr.h>
#include <stdatomic.h>
#include <sys/queue.h>

struct auth;

#define REGISTRY_SLOTS  65536
#define REGISTRY_LCORES CONFIG_CPUS_MAX

// Of one deployment on one lcore, which alone writes it.
struct slot_stats {
	uint64_t requests, rows; // scored
	uint64_t not_finite; // rows with a score that is NaN or infinite, also of refused requests
	uint32_t batches;    // scored together; one of SCORE_TIMED_EVERY is timed
	uint32_t row_cycles; // what a row of these took, of late; 0: none was timed yet
	struct histogram latency;
	uint64_t refused[WIRE_STATUS_COUNT]; // answered with another status than OK, by status
} __rte_cache_aligned;

// Of one deployment, or all of a slot, what came by the API; the control thread's. Nanoseconds from submission to the end.
struct registry_api {
	struct api_figures figures;
	struct histogram latency;
};

// Of one id, from its first publication until it is retired: the counters outlive versions. What is
// published there next begins at zero. The control thread's.
struct slot {
	struct slot_stats past;         // of deployments that are freed
	struct registry_api api;        // of all deployments
	struct deployment *deployments; // that count here, in service or not freed yet
	bool is_retired;
};

struct deployment { // immutable once published; owned by the registry
	// What lcores read.
	const struct model *model;
	uint64_t name_hash; // auth_model() of its name
	uint32_t n_features, n_outputs;
	uint32_t batch_rows;                   // that fit the scratch of an lcore at a time
	uint32_t outputs_offset, model_offset; // within that scratch, which begins with the rows
	uint16_t id, version;
	bool accepts_missing;
	bool refuses_not_finite; // a request with such a score is answered NOT_FINITE
	struct slot_stats *stats[REGISTRY_LCORES];

	// What the control thread reads.
	struct model *owned;
	char name[CONFIG_NAME_MAX];
	struct slot_stats *owned_stats; // [n_lcores]
	struct registry_api api;        // of this version alone
	struct slot *slot;              // where its counters go in the end; NULL: never published
	struct deployment *next_of_slot;
	bool is_in_route;
	uint32_t n_holds; // it is not freed while somebody beside the lcores reads it
	uint64_t grace_token;
	SIMPLEQ_ENTRY(deployment) retired;
};

struct registry {
	// Written by the control thread, read by lcores.
	_Atomic(const struct model_route *) slots[REGISTRY_SLOTS];
	// An id without a deployment is answered NOT_READY instead of NO_MODEL: each while it is
	// not known yet what the store holds, and those that are to be in service (bit set).
	_Atomic(bool) recovering;
	_Atomic(uint64_t) loading[REGISTRY_SLOTS / 64];
	_Atomic(bool) draining;
	const struct auth *auth; // who may ask; NULL (tests): everybody

	// The control thread's own.
	struct rte_rcu_qsbr *qsbr;
	uint32_t n_lcores;
	bool refuses_not_finite; // of what is published from here on; false after registry_create()
	size_t scratch_bytes;    // of each scoring lcore
	uint32_t payload_bytes;  // longest UDP payload, which bounds a reply's outputs
	uint64_t in_service[REGISTRY_SLOTS / 64]; // bit set: there is a route
	struct slot *counters[REGISTRY_SLOTS];    // NULL: nothing is in service
	uint64_t turns;                           // requests held without a canary chosen
	SIMPLEQ_HEAD(, deployment) retired;
	SIMPLEQ_HEAD(, model_route) retired_routes;
};

// `qsbr` may be NULL where no lcore runs (tests): what is retired is then freed at once.
int registry_create(uint32_t n_lcores, size_t scratch_bytes, uint32_t payload_bytes,
	struct rte_rcu_qsbr *qsbr, struct registry **out, struct error *err);
// Closes every model. No lcore may run any more.
void registry_destroy(struct registry *registry);

// What dataplane.h says of the functions of these names, and whether an id is to be in service.
int registry_prepare(struct registry *registry, const struct deployment_request *request,
	struct deployment **out, struct error *err);
void registry_discard(struct deployment *deployment); // NULL is fine
int registry_make_route(struct registry *registry, const struct route_request *request,
	struct model_route **out, struct error *err);
void registry_commit(struct registry *registry, struct model_route *route);
void registry_discard_route(struct model_route *route); // NULL is fine
int registry_publish(
	struct registry *registry, const struct deployment_request *request, struct error *err);
struct deployment *registry_find(const struct registry *registry, uint16_t id, uint16_t version);
int registry_retire(struct registry *registry, uint16_t id, struct error *err);
void registry_reclaim(struct registry *registry);
void registry_set_loading(struct registry *registry, uint16_t id, bool loading);

// The sum over all lcores and versions of a slot; false where nothing is in service.
bool registry_total(const struct registry *registry, uint16_t id, struct slot_stats *total);
// And of one deployment alone.
void registry_total_of(const struct registry *registry, const struct deployment *deployment,
	struct slot_stats *total);
// The same added to *total, but for the latencies, which are most of the work.
void registry_counts(const struct registry *registry, uint16_t id, struct slot_stats *total);
void registry_counts_of(const struct registry *registry, const struct deployment *deployment,
	struct slot_stats *total);
// The next id above this one that a model answers for; 0: none does.
uint32_t registry_next(const struct registry *registry, uint32_t id);
// What the control thread counts of a slot; NULL where it has no counters.
struct registry_api *registry_api(const struct registry *registry, uint16_t id);

// Divides the scratch for `deployment`, for as many rows at a time as fit. -EINVAL where not even
// one does.
int registry_fit_scratch(
	const struct registry *registry, struct deployment *deployment, struct error *err);

// The lcores' only call, then route_choose(). The answer is good until the caller's next quiescent state.
static inline const struct model_route *registry_route(const struct registry *registry, uint16_t id)
{
	return atomic_load_explicit(&registry->slots[id], memory_order_acquire);
}

// The live one of a slot.
static inline const struct deployment *registry_lookup(const struct registry *registry, uint16_t id)
{
	const struct model_route *route = registry_route(registry, id);

	return route ? route->live : NULL;
}

static inline bool registry_is_loading(const struct registry *registry, uint16_t id)
{
	uint64_t word = atomic_load_explicit(&registry->loading[id / 64], memory_order_relaxed);

	return word >> (id % 64) & 1 ||
		atomic_load_explicit(&registry->recovering, memory_order_relaxed);
}
