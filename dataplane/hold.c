// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/hold.h"

#include <time.h>

// Points the hold to what it has.
static void hold_show(struct deployment_hold *hold, struct deployment *deployment)
{
	hold->deployment = deployment;
	hold->model = deployment->model;
	hold->name = deployment->name;
	hold->id = deployment->id;
	hold->version = deployment->version;
}

bool hold_take(
	struct registry *registry, uint16_t id, uint16_t version, struct deployment_hold *hold)
{
	const struct model_route *route = registry_route(registry, id);
	struct deployment *deployment = NULL;

	*hold = (struct deployment_hold){ 0 };
	if (route)
		deployment =
			(struct deployment *)(uintptr_t)(version ? route_version(route, version)
								 : route->live);
	if (!deployment)
		return false;
	deployment->n_holds++;
	hold_show(hold, deployment);
	if (version || !route->canary)
		return true;
	hold->other = (struct deployment *)(uintptr_t)route->canary;
	hold->other->n_holds++;
	hold->share = route->share;
	hold->turn = ++registry->turns;
	return true;
}

// The one that is not chosen stays held, too: holds are the control thread's to count.
void hold_choose(struct deployment_hold *hold, const uint64_t *id, const float *row)
{
	struct deployment *live = hold->deployment;
	uint64_t key = id ? *id : hold->turn;

	if (!hold->other || hold->share.permille == 0)
		return;
	if (hold->share.by_feature)
		key = route_key_of_value(&row[hold->share.feature], sizeof(*row));
	if (route_is_canarys(&hold->share, key)) {
		hold_show(hold, hold->other);
		hold->other = live;
	}
	hold->share.permille = 0; // it is chosen
}

void hold_release(struct registry *registry, struct deployment_hold *hold)
{
	if (hold->deployment)
		hold->deployment->n_holds--;
	if (hold->other)
		hold->other->n_holds--;
	*hold = (struct deployment_hold){ 0 };
	registry_reclaim(registry);
}

static void api_count(struct registry_api *api, const struct api_outcome *outcome)
{
	struct api_figures *f = &api->figures;
	struct timespec now;

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

// Where the slot was retired since, its counters go, and what is counted there is nobody's any more.
void hold_count(const struct deployment_hold *hold, const struct api_outcome *outcome)
{
	if (!hold->deployment || !hold->deployment->slot)
		return;
	api_count(&hold->deployment->slot->api, outcome);
	api_count(&hold->deployment->api, outcome);
}
