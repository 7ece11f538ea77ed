// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/compare.h"

#include "dataplane/state.h"
#include "infer/infer.h"

#include <rte_cycles.h>
#include <stdlib.h>

// A model with other outputs beside its classes' scores does not say which these are.
static enum watch_rule compare_rule(const struct model_info *info)
{
	if (info->n_class_labels >= 2 && info->n_outputs == info->n_class_labels)
		return WATCH_ARGMAX;
	if (info->n_class_labels == 2 && info->n_outputs == 1)
		return WATCH_SIDE;
	return WATCH_WITHIN;
}

// [n_outputs], to be freed; NULL without memory.
static float *compare_allowed(const struct model_info *info, float tolerance)
{
	float *allowed = malloc(info->n_outputs * sizeof(*allowed));

	for (uint32_t o = 0; allowed && o < info->n_outputs; o++) {
		float least = 0, most = 0;

		for (uint32_t row = 0; row < info->n_golden; row++) {
			float value = info->golden_outputs[(size_t)row * info->n_outputs + o];

			least = row == 0 || value < least ? value : least;
			most = row == 0 || value > most ? value : most;
		}
		allowed[o] = tolerance * (most > least ? most - least : 1);
	}
	return allowed;
}

static struct deployment *compare_other(const struct model_route *route, enum watch_kind kind)
{
	// Deployments are const to lcores only.
	return (struct deployment *)(uintptr_t)(kind == WATCH_CANARY ? route->canary
								     : route->shadow);
}

int dataplane_compare(
	struct dataplane *dp, const struct compare_request *request, struct error *err)
{
	const struct model_route *route = registry_route(dp->registry, request->id);
	const struct watch *watch = watches_find(dp->watches, request->id, request->kind);
	const struct model_info *info;
	struct watch_request wanted = {
		.kind = request->kind,
		.id = request->id,
		.every = request->every,
		.threshold = request->threshold,
		.latency_ratio = request->latency_ratio,
	};
	float *allowed;
	int rc;

	if (!route || !compare_other(route, request->kind)) {
		watches_withdraw(dp->watches, request->id, request->kind);
		return 0;
	}
	wanted.live = (struct deployment *)(uintptr_t)route->live;
	wanted.other = compare_other(route, request->kind);
	if (watch && watch->live == wanted.live && watch->other == wanted.other &&
		watch->latency_ratio == wanted.latency_ratio)
		return 0;
	watches_withdraw(dp->watches, request->id, request->kind);
	info = model_info(route->live->model);
	wanted.rule = compare_rule(info);
	allowed = compare_allowed(info, request->tolerance);
	if (!allowed)
		return error_set(
			err, -ENOMEM, "no memory for a comparison of model %s", route->live->name);
	wanted.allowed = allowed;
	rc = watches_publish(dp->watches, &wanted, err);
	free(allowed);
	return rc;
}

bool dataplane_compared(
	const struct dataplane *dp, uint16_t id, enum watch_kind kind, struct compared *out)
{
	const struct watch *watch = watches_find(dp->watches, id, kind);
	const uint64_t now = rte_rdtsc();

	if (!watch)
		return false;
	*out = (struct compared){
		.live = watch->live->version,
		.other = watch->other->version,
		.rule = watch->rule,
		.threshold = watch->threshold,
		.n_features = watch->live->n_features,
		.n_outputs = watch->live->n_outputs,
	};
	watch_sum_rows(watch, &out->rows);
	watch_sum(watch, &out->figures);
	for (uint64_t i = 0; i < out->figures.n_last; i++) {
		const uint64_t tsc = out->figures.last[i].tsc;

		out->seconds_ago[i] =
			now > tsc ? (double)(now - tsc) / (double)rte_get_tsc_hz() : 0;
	}
	return true;
}

bool dataplane_offer(struct dataplane *dp, const struct deployment_hold *held, const float *rows,
	const float *scores, uint32_t n, bool is_busy)
{
	return aside_offer(dp->aside, held->deployment, rows, scores, n, is_busy);
}

bool dataplane_work_aside(struct dataplane *dp)
{
	return aside_work(dp->aside);
}
