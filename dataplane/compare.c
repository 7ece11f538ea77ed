// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/compare.h"

#include "dataplane/state.h"
#include "infer/infer.h"

#include <rte_cycles.h>
#include <stdlib.h>

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
	allowed = malloc(info->n_outputs * sizeof(*allowed));
	if (!allowed)
		return error_set(
			err, -ENOMEM, "no memory for a comparison of model %s", route->live->name);
	decision_allow(
		info->golden_outputs, info->n_golden, info->n_outputs, request->tolerance, allowed);
	wanted.decision =
		(struct decision){ .rule = decision_rule_of(info->n_class_labels, info->n_outputs),
			.threshold = request->threshold,
			.allowed = allowed };
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
		.rule = watch->decision.rule,
		.threshold = watch->decision.threshold,
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
