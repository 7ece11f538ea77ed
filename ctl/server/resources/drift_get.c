// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/drift_get.h"

#include "ctl/server/http/http.h"
#include "ctl/server/resources/deployed.h"
#include "ctl/server/scoring/drift.h"
#include "ctl/server/server_state.h"
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

void drift_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = deployed_slot(server, request, params);
	const struct model_info *info;
	struct drift_view *view;
	json_t *columns;

	if (!slot)
		return;
	info = model_info(slot->model);
	if (!info->reference) {
		http_fail(request, 404,
			"version %u of model '%s' has no reference to compare with: compile it "
			"with --rows or --reference, or give its image one by martletctl model "
			"reference",
			slot->version, params->model);
		return;
	}
	view = drift_look(server->drift, slot->id, slot->version, slot->model);
	if (!view) {
		http_fail(request, 500, "no memory for the drift of %u columns",
			info->reference->n_columns);
		return;
	}
	columns = json_array();
	for (uint32_t c = 0; c < view->n_columns; c++)
		json_array_append_new(columns, drift_get_column(info, view, c));
	http_reply(request, 200,
		json_pack("{s:s, s:i, s:i, s:i, s:I, s:I, s:o}", "model", params->model, "version",
			(int)slot->version, "window_seconds",
			(int)server->config->drift.window_seconds, "sample",
			(int)server->config->drift.sample, "reference_rows",
			(json_int_t)view->n_reference, "rows", (json_int_t)view->n_live, "columns",
			columns));
	free(view);
}
