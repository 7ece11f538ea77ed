// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/registry.h"

#include "base/align.h"
#include "dataplane/auth/auth.h"
#include "infer/infer.h"

#include <stdlib.h>
#include <string.h>

#define SCRATCH_ALIGN 64

int registry_create(uint32_t n_lcores, size_t scratch_bytes, uint32_t payload_bytes,
	struct rte_rcu_qsbr *qsbr, struct registry **out, struct error *err)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return error_set(err, -ENOMEM, "no memory for the table of models");
	registry->n_lcores = n_lcores;
	registry->scratch_bytes = scratch_bytes;
	registry->payload_bytes = payload_bytes;
	registry->qsbr = qsbr;
	SIMPLEQ_INIT(&registry->retired);
	SIMPLEQ_INIT(&registry->retired_routes);
	*out = registry;
	return 0;
}

// --- Counters ------------------------------------------------------------------------------------

// The lcore may be counting meanwhile.
static void slot_counts_add(struct slot_stats *sum, const struct slot_stats *stats)
{
	sum->requests += __atomic_load_n(&stats->requests, __ATOMIC_RELAXED);
	sum->rows += __atomic_load_n(&stats->rows, __ATOMIC_RELAXED);
	sum->not_finite += __atomic_load_n(&stats->not_finite, __ATOMIC_RELAXED);
	for (int k = 0; k < WIRE_STATUS_COUNT; k++)
		sum->refused[k] += __atomic_load_n(&stats->refused[k], __ATOMIC_RELAXED);
}

static void slot_stats_add(struct slot_stats *sum, const struct slot_stats *stats)
{
	slot_counts_add(sum, stats);
	histogram_merge(&sum->latency, &stats->latency);
}

static struct slot *slot_create(void)
{
	struct slot *slot =
		aligned_alloc(RTE_CACHE_LINE_SIZE, align_up(sizeof(*slot), RTE_CACHE_LINE_SIZE));

	if (!slot)
		return NULL;
	memset(slot, 0, sizeof(*slot));
	histogram_reset(&slot->past.latency);
	histogram_reset(&slot->api.latency);
	return slot;
}

static void slot_free_unused(struct slot *slot)
{
	if (slot && slot->is_retired && !slot->deployments)
		free(slot);
}

// What it has counted stays in its slot.
static void slot_part(
	struct slot *slot, const struct registry *registry, struct deployment *deployment)
{
	struct deployment **at = &slot->deployments;

	while (*at != deployment)
		at = &(*at)->next_of_slot;
	*at = deployment->next_of_slot;
	registry_total_of(registry, deployment, &slot->past);
	slot_free_unused(slot);
}

void registry_total_of(const struct registry *registry, const struct deployment *deployment,
	struct slot_stats *total)
{
	for (uint32_t i = 0; i < registry->n_lcores; i++)
		slot_stats_add(total, deployment->stats[i]);
}

bool registry_total(const struct registry *registry, uint16_t id, struct slot_stats *total)
{
	const struct slot *slot = registry->counters[id];

	memset(total, 0, sizeof(*total));
	histogram_reset(&total->latency);
	if (!slot)
		return false;
	slot_stats_add(total, &slot->past);
	for (const struct deployment *d = slot->deployments; d; d = d->next_of_slot)
		registry_total_of(registry, d, total);
	return true;
}

void registry_counts_of(const struct registry *registry, const struct deployment *deployment,
	struct slot_stats *total)
{
	for (uint32_t i = 0; i < registry->n_lcores; i++)
		slot_counts_add(total, deployment->stats[i]);
}

void registry_counts(const struct registry *registry, uint16_t id, struct slot_stats *total)
{
	const struct slot *slot = registry->counters[id];

	if (!slot)
		return;
	slot_counts_add(total, &slot->past);
	for (const struct deployment *d = slot->deployments; d; d = d->next_of_slot)
		registry_counts_of(registry, d, total);
}

uint32_t registry_next(const struct registry *registry, uint32_t id)
{
	uint64_t left;

	for (id++; id < REGISTRY_SLOTS; id = id / 64 * 64 + 64) {
		left = registry->in_service[id / 64] >> id % 64;
		if (left)
			return id + (uint32_t)__builtin_ctzll(left);
	}
	return 0;
}

struct registry_api *registry_api(const struct registry *registry, uint16_t id)
{
	struct slot *slot = registry->counters[id];

	return slot ? &slot->api : NULL;
}

// --- Deployments ---------------------------------------------------------------------------------

static void deployment_destroy(struct registry *registry, struct deployment *deployment)
{
	if (deployment->slot)
		slot_part(deployment->slot, registry, deployment);
	model_close(deployment->owned);
	free(deployment->owned_stats);
	free(deployment);
}

static struct model_route *registry_slot(const struct registry *registry, uint32_t id)
{
	// Routes are const to lcores only: the control thread owns them.
	return (struct model_route *)(uintptr_t)registry_route(registry, (uint16_t)id);
}

// Its deployments; returns how many.
static uint32_t route_deployments(
	const struct model_route *route, struct deployment *all[ROUTE_VERSIONS_MAX])
{
	const struct deployment *const named[] = { route->live, route->canary, route->shadow };
	uint32_t n = 0;

	for (int i = 0; i < 3; i++)
		if (named[i])
			all[n++] = (struct deployment *)(uintptr_t)named[i];
	for (uint32_t i = 0; i < route->n_pinned; i++)
		all[n++] = (struct deployment *)(uintptr_t)route->pinned[i];
	return n;
}

static void registry_destroy_slot(struct registry *registry, uint32_t id)
{
	struct deployment *all[ROUTE_VERSIONS_MAX];
	struct model_route *route = registry_slot(registry, id);
	const uint32_t n = route ? route_deployments(route, all) : 0;

	for (uint32_t i = 0; i < n; i++)
		deployment_destroy(registry, all[i]);
	free(route);
	free(registry->counters[id]);
}

void registry_destroy(struct registry *registry)
{
	struct deployment *deployment;
	struct model_route *route;

	if (!registry)
		return;
	while ((deployment = SIMPLEQ_FIRST(&registry->retired))) {
		SIMPLEQ_REMOVE_HEAD(&registry->retired, retired);
		deployment_destroy(registry, deployment);
	}
	while ((route = SIMPLEQ_FIRST(&registry->retired_routes))) {
		SIMPLEQ_REMOVE_HEAD(&registry->retired_routes, retired);
		free(route);
	}
	for (uint32_t id = 0; id < REGISTRY_SLOTS; id++)
		registry_destroy_slot(registry, id);
	free(registry);
}

// Sets the offsets within the scratch for `rows` rows at a time; returns how many bytes that takes.
static size_t registry_layout(
	const struct registry *registry, struct deployment *deployment, uint32_t rows)
{
	size_t rows_bytes = (size_t)rows * deployment->n_features * sizeof(float);
	size_t outputs_bytes = (size_t)rows * deployment->n_outputs * sizeof(float);

	// A request of more rows than that keeps all its outputs here until its last row is scored.
	if (rows > 0 && outputs_bytes < registry->payload_bytes)
		outputs_bytes = registry->payload_bytes;
	deployment->batch_rows = rows;
	deployment->outputs_offset = (uint32_t)align_up(rows_bytes, SCRATCH_ALIGN);
	deployment->model_offset =
		deployment->outputs_offset + (uint32_t)align_up(outputs_bytes, SCRATCH_ALIGN);
	return deployment->model_offset +
		align_up(model_scratch_bytes(deployment->model, rows), SCRATCH_ALIGN);
}

int registry_fit_scratch(
	const struct registry *registry, struct deployment *deployment, struct error *err)
{
	size_t needed = 0;

	for (uint32_t rows = MODEL_BATCH_MAX; rows >= 1; rows = rows * 3 / 4) {
		needed = registry_layout(registry, deployment, rows);
		if (needed <= registry->scratch_bytes)
			return 0;
	}
	return error_set(err, -EINVAL,
		"model %s needs %zu KiB of scratch for one row, memory.scratch_kilobytes gives "
		"%zu: raise it and restart",
		deployment->name, (needed + 1023) / 1024, registry->scratch_bytes / 1024);
}

static int registry_check(const struct registry *registry, const struct deployment_request *request,
	struct error *err)
{
	if (!request->model || !request->name || !request->id || !request->version)
		return error_set(err, -EINVAL,
			"a deployment has a model, a name, an id and a version (1 to 65535)");
	if (strlen(request->name) >= CONFIG_NAME_MAX)
		return error_set(err, -EINVAL, "model name %.20s... is longer than %d bytes",
			request->name, CONFIG_NAME_MAX - 1);
	for (uint32_t id = 0; (id = registry_next(registry, id));) {
		const struct deployment *other = registry_lookup(registry, (uint16_t)id);
		// registry_next() gives ids that have a route: NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
		const bool same_name = strcmp(other->name, request->name) == 0;

		if (same_name && id != request->id)
			return error_set(err, -EEXIST,
				"model %s has id %u: unload it before it gets id %u", request->name,
				id, request->id);
		if (!same_name && id == request->id)
			return error_set(err, -EEXIST,
				"id %u belongs to model %s: choose another id for %s", id,
				other->name, request->name);
	}
	return 0;
}

static int registry_make_stats(
	const struct registry *registry, struct deployment *deployment, struct error *err)
{
	const size_t bytes = registry->n_lcores * sizeof(struct slot_stats);

	histogram_reset(&deployment->api.latency);
	deployment->owned_stats = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (!deployment->owned_stats)
		return error_set(
			err, -ENOMEM, "no memory for the counters of model %s", deployment->name);
	memset(deployment->owned_stats, 0, bytes);
	for (uint32_t i = 0; i < registry->n_lcores; i++) {
		deployment->stats[i] = &deployment->owned_stats[i];
		histogram_reset(&deployment->stats[i]->latency);
	}
	return 0;
}

// Scores the golden rows: that checks the model, and brings its weights into memory and the caches.
static int registry_warm(const struct deployment *deployment, struct error *err)
{
	const struct model_info *info = model_info(deployment->model);

	if (!info->n_golden)
		return 0;
	return model_check_golden(deployment->model, err);
}

static int deployment_create(struct registry *registry, const struct deployment_request *request,
	struct deployment **out, struct error *err)
{
	const struct model_info *info = model_info(request->model);
	struct deployment *deployment = calloc(1, sizeof(*deployment));

	if (!deployment)
		return error_set(
			err, -ENOMEM, "no memory for a deployment of model %s", request->name);
	deployment->model = request->model;
	deployment->owned = request->model;
	deployment->n_features = info->n_features;
	deployment->n_outputs = info->n_outputs;
	deployment->accepts_missing = info->accepts_missing;
	deployment->refuses_not_finite = registry->refuses_not_finite;
	deployment->id = request->id;
	deployment->version = request->version;
	snprintf(deployment->name, sizeof(deployment->name), "%s", request->name);
	deployment->name_hash = auth_model(deployment->name);
	*out = deployment;
	return 0;
}

// Lcores that have looked it up may still be reading it, so it waits until each has been quiescent.
static void registry_let_go(struct registry *registry, struct deployment *deployment)
{
	if (registry->qsbr)
		deployment->grace_token = rte_rcu_qsbr_start(registry->qsbr);
	SIMPLEQ_INSERT_TAIL(&registry->retired, deployment, retired);
}

static void registry_let_go_route(struct registry *registry, struct model_route *route)
{
	struct deployment *all[ROUTE_VERSIONS_MAX];
	const uint32_t n = route_deployments(route, all);

	for (uint32_t i = 0; i < n; i++)
		if (!all[i]->is_in_route)
			registry_let_go(registry, all[i]);
	if (registry->qsbr)
		route->grace_token = rte_rcu_qsbr_start(registry->qsbr);
	SIMPLEQ_INSERT_TAIL(&registry->retired_routes, route, retired);
	registry_reclaim(registry);
}

int registry_prepare(struct registry *registry, const struct deployment_request *request,
	struct deployment **out, struct error *err)
{
	struct deployment *deployment;
	int rc = registry_check(registry, request, err);

	if (rc == 0)
		rc = deployment_create(registry, request, &deployment, err);
	if (rc != 0)
		return rc;
	rc = registry_fit_scratch(registry, deployment, err);
	if (rc == 0)
		rc = registry_make_stats(registry, deployment, err);
	if (rc != 0) {
		registry_discard(deployment);
		return rc;
	}
	*out = deployment;
	return 0;
}

void registry_discard(struct deployment *deployment)
{
	if (deployment)
		free(deployment->owned_stats);
	free(deployment); // the caller keeps the model
}

// --- Routes --------------------------------------------------------------------------------------

static int registry_check_route(const struct route_request *request, struct error *err)
{
	struct deployment *all[ROUTE_VERSIONS_MAX] = { request->live, request->canary,
		request->shadow };
	uint32_t n = 3;

	if (!request->live || request->n_pinned > ROUTE_PINNED_MAX ||
		request->share.permille > 1000)
		return error_set(err, -EINVAL,
			"a route has a live version, at most %d pinned ones and at most 1000 per "
			"mille for a canary",
			ROUTE_PINNED_MAX);
	for (uint32_t i = 0; i < request->n_pinned; i++)
		all[n++] = request->pinned[i];
	for (uint32_t i = 0; i < n; i++) {
		if (all[i] && all[i]->id != request->id)
			return error_set(err, -EINVAL, "version %u was prepared for id %u, not %u",
				all[i]->version, all[i]->id, request->id);
		for (uint32_t k = 0; k < i; k++)
			if (all[i] && all[k] && all[i]->version == all[k]->version)
				return error_set(
					err, -EINVAL, "version %u has two roles", all[i]->version);
	}
	return 0;
}

int registry_make_route(struct registry *registry, const struct route_request *request,
	struct model_route **out, struct error *err)
{
	int rc = registry_check_route(request, err);
	struct model_route *route;

	if (rc != 0)
		return rc;
	route = calloc(1, sizeof(*route));
	if (route && !registry->counters[request->id])
		registry->counters[request->id] = slot_create();
	if (!route || !registry->counters[request->id]) {
		free(route);
		return error_set(err, -ENOMEM, "no memory to route id %u", request->id);
	}
	route->id = request->id;
	route->live = request->live;
	route->live_version = request->live->version;
	route->canary = request->canary;
	route->canary_version = request->canary ? request->canary->version : 0;
	route->share = request->share;
	route->shadow = request->shadow;
	route->n_pinned = request->n_pinned;
	for (uint32_t i = 0; i < request->n_pinned; i++) {
		route->pinned[i] = request->pinned[i];
		route->pinned_versions[i] = request->pinned[i]->version;
	}
	*out = route;
	return 0;
}

void registry_discard_route(struct model_route *route)
{
	free(route);
}

void registry_commit(struct registry *registry, struct model_route *route)
{
	struct deployment *all[ROUTE_VERSIONS_MAX];
	struct model_route *before = registry_slot(registry, route->id);
	struct slot *slot = registry->counters[route->id];
	uint32_t n;

	if (before) {
		n = route_deployments(before, all);
		for (uint32_t i = 0; i < n; i++)
			all[i]->is_in_route = false;
	}
	n = route_deployments(route, all);
	for (uint32_t i = 0; i < n; i++) {
		all[i]->is_in_route = true;
		if (all[i]->slot)
			continue;
		all[i]->slot = slot;
		all[i]->next_of_slot = slot->deployments;
		slot->deployments = all[i];
	}
	// Release: whoever sees the pointer sees what it points to.
	atomic_store_explicit(&registry->slots[route->id], route, memory_order_release);
	registry->in_service[route->id / 64] |= (uint64_t)1 << route->id % 64;
	registry_set_loading(registry, route->id, false);
	if (before)
		registry_let_go_route(registry, before);
}

int registry_publish(
	struct registry *registry, const struct deployment_request *request, struct error *err)
{
	struct route_request alone = { .id = request->id };
	struct model_route *route = NULL;
	int rc = registry_prepare(registry, request, &alone.live, err);

	if (rc != 0)
		return rc;
	rc = registry_warm(alone.live, err);
	if (rc == 0)
		rc = registry_make_route(registry, &alone, &route, err);
	if (rc == 0)
		registry_commit(registry, route);
	else
		registry_discard(alone.live);
	return rc;
}

struct deployment *registry_find(const struct registry *registry, uint16_t id, uint16_t version)
{
	struct deployment *all[ROUTE_VERSIONS_MAX];
	const struct model_route *route = registry_route(registry, id);
	const uint32_t n = route ? route_deployments(route, all) : 0;

	for (uint32_t i = 0; i < n; i++)
		if (all[i]->version == version)
			return all[i];
	return NULL;
}

int registry_retire(struct registry *registry, uint16_t id, struct error *err)
{
	struct deployment *all[ROUTE_VERSIONS_MAX];
	struct model_route *route = registry_slot(registry, id);
	struct slot *slot = registry->counters[id];
	uint32_t n;

	registry_set_loading(registry, id, false);
	if (!route)
		return error_set(err, -ENOENT, "no model answers for id %u", id);
	atomic_store_explicit(&registry->slots[id], NULL, memory_order_release);
	registry->in_service[id / 64] &= ~((uint64_t)1 << id % 64);
	slot->is_retired = true; // the last of its deployments frees it
	registry->counters[id] = NULL;
	n = route_deployments(route, all);
	for (uint32_t i = 0; i < n; i++)
		all[i]->is_in_route = false;
	registry_let_go_route(registry, route);
	return 0;
}

static bool registry_is_past(const struct registry *registry, uint64_t grace_token)
{
	return !registry->qsbr || rte_rcu_qsbr_check(registry->qsbr, grace_token, false);
}

void registry_reclaim(struct registry *registry)
{
	struct deployment *deployment, *next;
	struct model_route *route;

	// Tokens grow along the queues: where one is not past its grace period, none behind it is. A
	// deployment that is held stays, and those behind it go.
	while ((route = SIMPLEQ_FIRST(&registry->retired_routes)) &&
		registry_is_past(registry, route->grace_token)) {
		SIMPLEQ_REMOVE_HEAD(&registry->retired_routes, retired);
		free(route);
	}
	for (deployment = SIMPLEQ_FIRST(&registry->retired); deployment; deployment = next) {
		next = SIMPLEQ_NEXT(deployment, retired);
		if (!registry_is_past(registry, deployment->grace_token))
			return;
		if (deployment->n_holds > 0)
			continue;
		SIMPLEQ_REMOVE(&registry->retired, deployment, deployment, retired);
		deployment_destroy(registry, deployment);
	}
}

void registry_set_loading(struct registry *registry, uint16_t id, bool loading)
{
	uint64_t bit = (uint64_t)1 << (id % 64);

	if (loading)
		atomic_fetch_or_explicit(&registry->loading[id / 64], bit, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&registry->loading[id / 64], ~bit, memory_order_relaxed);
}
