// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/v2.h"

#include "base/version.h"
#include "ctl/server/http/http.h"
#include "ctl/server/resources/deployed.h"
#include "ctl/server/server_state.h"

void v2_get(struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200,
		json_pack("{s:s, s:s, s:[s, s]}", "name", "martlet", "version", martlet_version,
			"extensions", "model_repository", "metrics"));
}

void v2_live_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:b}", "live", 1));
}

void v2_ready_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	char why[SERVER_WHY_BYTES];

	if (server_ready(server, why, sizeof(why)))
		http_reply(request, 200, json_pack("{s:b}", "ready", 1));
	else
		http_fail(request, 503, "not ready: %s", why);
}

static json_t *v2_strings(const char *const *strings, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

static json_t *v2_steps(const struct model *model)
{
	json_t *steps = json_array();

	for (uint32_t i = 0; i < model_n_steps(model); i++) {
		struct plan_step_info info;
		json_t *kernels = json_array();

		model_step_info(model, i, &info);
		for (int c = 0; c < MODEL_BATCH_CLASSES; c++)
			json_array_append_new(kernels,
				json_pack("{s:i, s:s*, s:f}", "batch", (int)MODEL_BATCH_CLASS[c],
					"kernel", info.kernel[c], "ns_per_row",
					info.ns_per_row[c]));
		json_array_append_new(steps,
			json_pack("{s:s*, s:s*, s:s, s:o}", "op", info.op, "node", info.node,
				"shape", info.shape, "kernels", kernels));
	}
	return steps;
}

static json_t *v2_parameters(const struct slot_info *slot, const struct model_info *info)
{
	char sha256[65];

	for (int i = 0; i < 32; i++)
		snprintf(sha256 + 2 * i, 3, "%02x", info->source_sha256[i]);
	return json_pack("{s:i, s:o, s:o, s:o, s:s, s:s*, s:b, s:I, s:I, s:o}", "id", (int)slot->id,
		"class_labels", v2_strings(info->class_labels, info->n_class_labels),
		"feature_names", v2_strings(info->feature_names, info->n_features), "output_names",
		v2_strings(info->output_names, info->n_outputs), "source_sha256", sha256,
		"source_kind", info->source_kind, "accepts_missing", (int)info->accepts_missing,
		"weights_bytes", (json_int_t)info->weights_bytes, "macs_per_row",
		(json_int_t)info->macs_per_row, "plan", v2_steps(slot->model));
}

void v2_model_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = deployed_slot(server, request, params);
	const struct model_info *info;
	char version[8];

	if (!slot)
		return;
	info = model_info(slot->model);
	snprintf(version, sizeof(version), "%u", slot->version);
	http_reply(request, 200,
		json_pack("{s:s, s:[s], s:s, s:[{s:s, s:s, s:[i, i]}], s:[{s:s, s:s, s:[i, i]}], "
			  "s:o}",
			"name", params->model, "versions", version, "platform", "martlet", "inputs",
			"name", "rows", "datatype", "FP32", "shape", -1, (int)info->n_features,
			"outputs", "name", "scores", "datatype", "FP32", "shape", -1,
			(int)info->n_outputs, "parameters", v2_parameters(slot, info)));
}

void v2_model_ready_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	if (deployed_slot(server, request, params))
		http_reply(
			request, 200, json_pack("{s:s, s:b}", "name", params->model, "ready", 1));
}
