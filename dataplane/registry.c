// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/registry.h"

#include "base/align.h"
#include "infer/infer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	*out = registry;
	return 0;
}

static void deployment_destroy(struct deployment *deployment)
{
	model_close(deployment->owned);
	free(deployment->owned_stats);
	free(deployment);
}

static struct deployment *registry_slot(const struct registry *registry, uint32_t id)
{
	// Deployments are const to lcores only: the control thread owns them.
	return (struct deployment *)atomic_load_explicit(
		&registry->slots[id], memory_order_relaxed);
}

void registry_destroy(struct registry *registry)
{
	struct deployment *deployment;

	if (!registry)
		return;
	while ((deployment = SIMPLEQ_FIRST(&registry->retired))) {
		SIMPLEQ_REMOVE_HEAD(&registry->retired, retired);
		deployment_destroy(deployment);
	}
	for (uint32_t id = 0; id < REGISTRY_SLOTS; id++) {
		if ((deployment = registry_slot(registry, id)))
			deployment_destroy(deployment);
		free(registry->stats[id]);
	}
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
	for (uint32_t id = 1; id < REGISTRY_SLOTS; id++) {
		const struct deployment *other = registry_slot(registry, id);
		bool same_name;

		if (!other)
			continue;
		same_name = strcmp(other->name, request->name) == 0;
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

static int registry_make_stats(struct registry *registry, uint16_t id, struct error *err)
{
	const size_t bytes = align_up(
		registry->n_lcores * sizeof(struct slot_stats) + sizeof(struct registry_api),
		RTE_CACHE_LINE_SIZE);

	if (registry->stats[id])
		return 0;
	registry->stats[id] = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (!registry->stats[id])
		return error_set(err, -ENOMEM, "no memory for the counters of id %u", id);
	memset(registry->stats[id], 0, bytes);
	for (uint32_t i = 0; i < registry->n_lcores; i++)
		histogram_reset(&registry->stats[id][i].latency);
	histogram_reset(&registry_api(registry, id)->latency);
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
	for (uint32_t i = 0; i < registry->n_lcores; i++)
		deployment->stats[i] = &registry->stats[request->id][i];
	*out = deployment;
	return 0;
}

// Lcores that have looked it up may still be reading it, so it waits until each has been quiescent.
static void registry_let_go(struct registry *registry, struct deployment *deployment)
{
	if (registry->qsbr)
		deployment->grace_token = rte_rcu_qsbr_start(registry->qsbr);
	SIMPLEQ_INSERT_TAIL(&registry->retired, deployment, retired);
	registry_reclaim(registry);
}

int registry_prepare(struct registry *registry, const struct deployment_request *request,
	struct deployment **out, struct error *err)
{
	struct deployment *deployment;
	int rc = registry_check(registry, request, err);

	if (rc != 0)
		return rc;
	rc = registry_make_stats(registry, request->id, err);
	if (rc != 0)
		return rc;
	rc = deployment_create(registry, request, &deployment, err);
	if (rc != 0)
		return rc;
	rc = registry_fit_scratch(registry, deployment, err);
	if (rc == 0)
		rc = registry_warm(deployment, err);
	if (rc != 0) {
		registry_discard(deployment);
		return rc;
	}
	*out = deployment;
	return 0;
}

void registry_commit(struct registry *registry, struct deployment *deployment)
{
	struct deployment *before = registry_slot(registry, deployment->id);

	// Release: whoever sees the pointer sees what it points to.
	atomic_store_explicit(&registry->slots[deployment->id], deployment, memory_order_release);
	registry_set_loading(registry, deployment->id, false);
	if (before)
		registry_let_go(registry, before);
}

void registry_discard(struct deployment *deployment)
{
	free(deployment); // the caller keeps the model
}

int registry_publish(
	struct registry *registry, const struct deployment_request *request, struct error *err)
{
	struct deployment *deployment;
	int rc = registry_prepare(registry, request, &deployment, err);

	if (rc == 0)
		registry_commit(registry, deployment);
	return rc;
}

int registry_retire(struct registry *registry, uint16_t id, struct error *err)
{
	struct deployment *deployment = registry_slot(registry, id);

	registry_set_loading(registry, id, false);
	if (!deployment)
		return error_set(err, -ENOENT, "no model answers for id %u", id);
	atomic_store_explicit(&registry->slots[id], NULL, memory_order_release);
	// Deployments before it, which count there too, are past their grace period when it is.
	deployment->owned_stats = registry->stats[id];
	registry->stats[id] = NULL;
	registry_let_go(registry, deployment);
	return 0;
}

void registry_reclaim(struct registry *registry)
{
	struct deployment *deployment, *next;

	// Tokens grow along the queue: where one is not past its grace period, none behind it is. One
	// that is held stays, and those behind it go.
	for (deployment = SIMPLEQ_FIRST(&registry->retired); deployment; deployment = next) {
		next = SIMPLEQ_NEXT(deployment, retired);
		if (registry->qsbr &&
			!rte_rcu_qsbr_check(registry->qsbr, deployment->grace_token, false))
			return;
		if (deployment->n_holds > 0)
			continue;
		SIMPLEQ_REMOVE(&registry->retired, deployment, deployment, retired);
		deployment_destroy(deployment);
	}
}

struct registry_api *registry_api(const struct registry *registry, uint16_t id)
{
	struct slot_stats *stats = registry->stats[id];

	return stats ? (struct registry_api *)(stats + registry->n_lcores) : NULL;
}

bool registry_hold(struct registry *registry, uint16_t id, struct deployment_hold *hold)
{
	struct deployment *deployment = registry_slot(registry, id);

	*hold = (struct deployment_hold){ .deployment = deployment };
	if (!deployment)
		return false;
	deployment->n_holds++;
	hold->model = deployment->model;
	hold->name = deployment->name;
	hold->id = deployment->id;
	hold->version = deployment->version;
	return true;
}

void registry_release(struct registry *registry, struct deployment_hold *hold)
{
	if (hold->deployment)
		hold->deployment->n_holds--;
	*hold = (struct deployment_hold){ 0 };
	registry_reclaim(registry);
}

// The slot may have been retired since, and its counters be gone, or be another model's: then nothing is
// counted.
void registry_count(struct registry *registry, const struct deployment_hold *hold,
	const struct api_outcome *outcome)
{
	const struct deployment *now_there = registry_slot(registry, hold->id);
	struct registry_api *api = registry_api(registry, hold->id);
	struct api_figures *f = api ? &api->figures : NULL;
	struct timespec now;

	if (!api || !now_there || strcmp(now_there->name, hold->name) != 0)
		return;
	f->not_finite += outcome->not_finite;
	histogram_record(&api->latency, outcome->total_ns);
	if (outcome->status != WIRE_STATUS_OK) {
		f->refused[outcome->status]++;
		f->n_refused++;
		f->refused_ns += outcome->total_ns;
		return;
	}
	f->requests++;
	f->rows += outcome->rows;
	f->total_ns += outcome->total_ns;
	f->queue_ns += outcome->queue_ns;
	f->input_ns += outcome->input_ns;
	f->infer_ns += outcome->infer_ns;
	f->output_ns += outcome->output_ns;
	clock_gettime(CLOCK_REALTIME, &now);
	f->last_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void registry_set_loading(struct registry *registry, uint16_t id, bool loading)
{
	uint64_t bit = (uint64_t)1 << (id % 64);

	if (loading)
		atomic_fetch_or_explicit(&registry->loading[id / 64], bit, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&registry->loading[id / 64], ~bit, memory_order_relaxed);
}
