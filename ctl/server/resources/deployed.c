// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/deployed.h"

#include "ctl/server/http/http.h"
#include "ctl/server/resources/v2.h"
#include "ctl/server/server_state.h"

#include <string.h>

// Replies why the model is not in service, or not as that version; `version` is the live one, 0: none.
static void deployed_refuse(struct server *server, struct http_request *request,
	const struct route_params *params, uint16_t version)
{
	const struct model_entry *entry = models_find(&server->models, params->model);
	const char *nearest = models_nearest(&server->models, params->model);

	if (!entry && nearest)
		http_fail(request, 404, "there is no model '%s'; did you mean '%s'?", params->model,
			nearest);
	else if (!entry)
		http_fail(request, 404, "there is no model '%s'", params->model);
	else if (params->version && !model_entry_version(entry, params->version))
		http_fail(request, 404, "there is no version %u of model '%s'", params->version,
			params->model);
	else if (!version)
		v2_not_ready(
			request, "model '%s' is not in service: %s", params->model, entry->reason);
	else
		v2_not_ready(request, "version %u of model '%s' is stored, version %u is live",
			params->version, params->model, version);
}

// Makes the slot show a version in service beside the live one, with what that did itself.
static bool deployed_take_version(struct slot_info *slot, uint16_t version)
{
	for (uint32_t i = 1; i < slot->n_versions; i++) {
		const struct slot_version *v = &slot->versions[i];

		if (v->version != version || v->role == ROUTE_SHADOW)
			continue;
		slot->version = v->version;
		slot->model = v->model;
		slot->requests = v->requests;
		slot->rows = v->rows;
		slot->not_finite = v->not_finite;
		return true;
	}
	return false;
}

const struct slot_info *deployed_slot(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = server_slot(server, params->model);

	if (slot && (!params->version || params->version == slot->version))
		return slot;
	if (slot && deployed_take_version(&server->slots[slot - server->slots], params->version))
		return slot;
	deployed_refuse(server, request, params, slot ? slot->version : 0);
	return NULL;
}

bool deployed_hold(struct server *server, struct http_request *request,
	const struct route_params *params, struct deployment_hold *hold)
{
	const struct model_entry *entry = models_find(&server->models, params->model);
	const struct slot_info *slot;

	*hold = (struct deployment_hold){ 0 };
	if (http_is_late(request)) {
		v2_not_ready(request, "draining: nothing new is scored");
		return false;
	}
	if (entry && entry->record.id &&
		dataplane_hold(server->dataplane, entry->record.id, params->version, hold)) {
		if (strcmp(hold->name, params->model) == 0)
			return true;
		dataplane_release(server->dataplane, hold);
	}
	slot = server_slot(server, params->model);
	deployed_refuse(server, request, params, slot ? slot->version : 0);
	return false;
}
