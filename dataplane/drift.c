// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/drift.h"

#include "dataplane/state.h"
#include "infer/infer.h"

#include <stdlib.h>

static struct deployment *drift_of(const struct model_route *route, enum watch_kind kind)
{
	// Deployments are const to lcores only.
	return (struct deployment *)(uintptr_t)(!route ? NULL
			: kind == WATCH_DRIFT          ? route->live
						       : route->canary);
}

static int drift_tell(
	struct watch *watch, dataplane_drift_add *add, void *context, struct error *err)
{
	uint32_t *counts = malloc(watch->n_counts * sizeof(*counts));

	if (!counts)
		return error_set(
			err, -ENOMEM, "no memory for the drift of model %s", watch->live->name);
	if (watch_take_counts(watch, counts))
		add(context, watch->id, watch->live->version, watch->live->model, counts);
	free(counts);
	return 0;
}

// Tells, and withdraws those whose version has left its role.
static int drift_gather(struct dataplane *dp, uint32_t every, dataplane_drift_add *add,
	void *context, struct error *err)
{
	struct watch *watch, *next;
	int rc = 0;

	for (watch = LIST_FIRST(&dp->watches->published); watch; watch = next) {
		next = LIST_NEXT(watch, published);
		if (watch->kind < WATCH_PAIRS)
			continue;
		rc = drift_tell(watch, add, context, err);
		if (rc != 0)
			return rc;
		if (watch->every != every ||
			drift_of(registry_route(dp->registry, watch->id), watch->kind) !=
				watch->live)
			watches_withdraw(dp->watches, watch->id, watch->kind);
	}
	return 0;
}

static int drift_begin(struct dataplane *dp, const struct model_route *route, enum watch_kind kind,
	uint32_t every, struct error *err)
{
	const struct watch_request request = {
		.kind = kind,
		.id = route->id,
		.every = every,
		.live = drift_of(route, kind),
	};

	if (!request.live || watches_find(dp->watches, route->id, kind) ||
		!model_info(request.live->model)->reference)
		return 0;
	return watches_publish(dp->watches, &request, err);
}

int dataplane_drift(struct dataplane *dp, uint32_t every, dataplane_drift_add *add, void *context,
	struct error *err)
{
	int rc = drift_gather(dp, every, add, context, err);

	for (uint32_t id = 0; rc == 0 && every > 0 && (id = registry_next(dp->registry, id));) {
		const struct model_route *route = registry_route(dp->registry, (uint16_t)id);

		rc = drift_begin(dp, route, WATCH_DRIFT, every, err);
		if (rc == 0)
			rc = drift_begin(dp, route, WATCH_DRIFT_CANARY, every, err);
	}
	return rc;
}

bool dataplane_drifted(
	const struct dataplane *dp, uint16_t id, enum watch_kind kind, struct drifted *out)
{
	const struct watch *watch = watches_find(dp->watches, id, kind);

	if (!watch)
		return false;
	*out = (struct drifted){ .version = watch->live->version, .every = watch->every };
	watch_sum_rows(watch, &out->rows);
	return true;
}
