// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/drift_get.h"

#include "ctl/server/http/http.h"
#include "ctl/server/resources/deployed.h"
#include "ctl/server/scoring/drift.h"
#include "ctl/server/server_state.h"
#include "dataplane/drift.h"
#include "infer/infer.h"

#include <stdlib.h>

static json_t *drift_get_column(
	const struct model_info *info, const struct drift_view *view, uint32_t column)
{
	const struct drift_psi *psi = &view->columns[column];
	const bool is_feature = column < info->n_features;

	return json_pack("{s:s*, s:s, s:f, s:f, s:f, s:i, s:s}", "name",
		is_feature ? info->feature_names[column]
			   : info->output_names[column - info->n_features],
		"kind", is_feature ? "feature" : "output", "psi", psi->psi, "expected",
		psi->expected, "noise_limit", psi->limit, "bins", (int)psi->n_bins, "reading",
		drift_reading_name(drift_read(psi)));
}

// What of its UDP rows was counted. Null: the lcores count none of them.
static json_t *drift_get_udp(const struct server *server, uint16_t id, enum watch_kind kind)
{
	struct drifted d;

	if (!dataplane_drifted(server->dataplane, id, kind, &d))
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "rows", (json_int_t)d.rows.seen, "sampled",
		(json_int_t)d.rows.sampled, "shed", (json_int_t)d.rows.shed, "counted",
		(json_int_t)d.rows.done);
}

// NULL without memory.
static json_t *drift_get_version(struct server *server, uint16_t id,
	const struct slot_version *version, enum watch_kind kind)
{
	const struct model_info *info = model_info(version->model);
	struct drift_view *view = drift_look(server->drift, id, version->version, version->model);
	json_t *columns = json_array(), *json;

	if (!view || !columns) {
		free(view);
		json_decref(columns);
		return NULL;
	}
	for (uint32_t c = 0; c < view->n_columns; c++)
		json_array_append_new(columns, drift_get_column(info, view, c));
	json = json_pack("{s:i, s:I, s:I, s:o, s:o}", "version", (int)version->version,
		"reference_rows", (json_int_t)view->n_reference, "rows", (json_int_t)view->n_live,
		"udp", drift_get_udp(server, id, kind), "columns", columns);
	free(view);
	return json;
}

static const struct slot_version *drift_get_canary(const struct slot_info *slot)
{
	for (uint32_t i = 0; i < slot->n_versions; i++)
		if (slot->versions[i].role == ROUTE_CANARY &&
			model_info(slot->versions[i].model)->reference)
			return &slot->versions[i];
	return NULL;
}

// The live version's at the top, the canary's beneath it.
void drift_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = deployed_slot(server, request, params);
	const struct slot_version *canary;
	json_t *json;

	if (!slot)
		return;
	if (!model_info(slot->model)->reference) {
		http_fail(request, 404,
			"version %u of model '%s' has no reference to compare with: compile it "
			"with --rows or --reference, or give its image one by martletctl model "
			"reference",
			slot->version, params->model);
		return;
	}
	drift_gather(server->drift, server->dataplane);
	json = drift_get_version(server, slot->id, &slot->versions[0], WATCH_DRIFT);
	if (!json) {
		http_fail(request, 500, "no memory for the drift of %u columns",
			model_info(slot->model)->reference->n_columns);
		return;
	}
	canary = drift_get_canary(slot);
	json_object_set_new(json, "model", json_string(params->model));
	json_object_set_new(json, "window_seconds",
		json_integer((json_int_t)server->config->drift.window_seconds));
	json_object_set_new(json, "sample", json_integer((json_int_t)server->config->drift.sample));
	json_object_set_new(json, "canary",
		canary ? drift_get_version(server, slot->id, canary, WATCH_DRIFT_CANARY)
		       : json_null());
	http_reply(request, 200, json);
}
