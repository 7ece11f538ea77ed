// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/v2_model.h"

#include "ctl/server/http/http.h"
#include "ctl/server/resources/deployed.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/scoring/tensor.h"
#include "ctl/server/server_state.h"

#include <string.h>

// --- Metadata ------------------------------------------------------------------------------------

static json_t *v2_model_strings(const char *const *strings, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

// What stands for each text of a feature in rows of numbers, on the wire among them: its place in the list.
static json_t *v2_model_texts(const struct model_info *info)
{
	json_t *array = json_array();

	for (uint32_t t = 0; t < info->n_texts; t++) {
		const struct model_texts *map = &info->texts[t];

		json_array_append_new(array,
			json_pack("{s:i, s:o, s:b, s:b}", "feature", (int)map->feature, "texts",
				v2_model_strings(map->texts, map->n_texts), "takes_unknown",
				(int)map->takes_unknown, "is_category", (int)map->is_category));
	}
	return array;
}

static json_t *v2_model_steps(const struct model *model)
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

static json_t *v2_model_parameters(const struct slot_info *slot, const struct model_info *info)
{
	char sha256[65];

	for (int i = 0; i < 32; i++)
		snprintf(sha256 + 2 * i, 3, "%02x", info->source_sha256[i]);
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:s, s:s*, s:o, s:b, s:I, s:I, s:o}", "id",
		(int)slot->id, "class_labels",
		v2_model_strings(info->class_labels, info->n_class_labels), "feature_names",
		v2_model_strings(info->feature_names, info->n_features), "texts",
		v2_model_texts(info), "output_names",
		v2_model_strings(info->output_names, info->n_outputs), "source_sha256", sha256,
		"source_kind", info->source_kind, "lineage",
		v2_model_strings(info->lineage, info->n_lineage), "accepts_missing",
		(int)info->accepts_missing, "weights_bytes", (json_int_t)info->weights_bytes,
		"macs_per_row", (json_int_t)info->macs_per_row, "plan",
		v2_model_steps(slot->model));
}

static json_t *v2_model_tensor(const char *name, enum tensor_type type, uint32_t columns)
{
	return json_pack("{s:s, s:s, s:[i, i]}", "name", name, "datatype", tensor_type_name(type),
		"shape", -1, (int)columns);
}

// Cells of text are how a client has the rows of a model with columns of text.
static enum tensor_type v2_model_input_type(const struct model_info *info)
{
	return info->n_texts > 0 ? TENSOR_BYTES : TENSOR_FP32;
}

// Those that answer, the one that is asked for first.
static json_t *v2_model_versions(const struct slot_info *slot)
{
	json_t *versions = json_array();
	char text[8];

	snprintf(text, sizeof(text), "%u", slot->version);
	json_array_append_new(versions, json_string(text));
	for (uint32_t i = 0; i < slot->n_versions; i++) {
		const struct slot_version *v = &slot->versions[i];

		if (v->role == ROUTE_SHADOW || v->version == slot->version)
			continue;
		snprintf(text, sizeof(text), "%u", v->version);
		json_array_append_new(versions, json_string(text));
	}
	return versions;
}

void v2_model_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = deployed_slot(server, request, params);
	const struct model_info *info;
	json_t *outputs;

	if (!slot)
		return;
	info = model_info(slot->model);
	outputs = json_pack("[o]", v2_model_tensor(TENSOR_SCORES, TENSOR_FP32, info->n_outputs));
	if (tensor_has_labels(info))
		json_array_append_new(outputs, v2_model_tensor(TENSOR_LABEL, TENSOR_BYTES, 1));
	http_reply(request, 200,
		json_pack("{s:s, s:o, s:s, s:[o], s:o, s:o}", "name", params->model, "versions",
			v2_model_versions(slot), "platform", "martlet_mlt", "inputs",
			v2_model_tensor(TENSOR_ROWS, v2_model_input_type(info), info->n_features),
			"outputs", outputs, "parameters", v2_model_parameters(slot, info)));
}

void v2_model_ready_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	if (deployed_slot(server, request, params))
		http_reply(
			request, 200, json_pack("{s:s, s:b}", "name", params->model, "ready", 1));
}

// --- Configuration -------------------------------------------------------------------------------

static json_t *v2_config_tensor(const char *name, enum tensor_type type, uint32_t columns)
{
	return json_pack("{s:s, s:s, s:[i]}", "name", name, "data_type",
		type == TENSOR_BYTES ? "TYPE_STRING" : "TYPE_FP32", "dims", (int)columns);
}

// What Triton's clients look for before they send anything.
void v2_config_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = deployed_slot(server, request, params);
	struct scoring_figures scoring;
	const struct model_info *info;
	json_t *outputs;

	if (!slot)
		return;
	info = model_info(slot->model);
	scoring_figures(server->scoring, &scoring);
	outputs = json_pack("[o]", v2_config_tensor(TENSOR_SCORES, TENSOR_FP32, info->n_outputs));
	if (tensor_has_labels(info))
		json_array_append_new(outputs, v2_config_tensor(TENSOR_LABEL, TENSOR_BYTES, 1));
	http_reply(request, 200,
		json_pack(
			"{s:s, s:s, s:s, s:{s:{s:i}}, s:i, s:[o], s:o, s:[{s:s, s:s, s:i}], s:{}}",
			"name", params->model, "platform", "", "backend", "martlet",
			"version_policy", "latest", "num_versions", 1, "max_batch_size",
			(int)SCORING_ROWS_MAX, "input",
			v2_config_tensor(TENSOR_ROWS, v2_model_input_type(info), info->n_features),
			"output", outputs, "instance_group", "name", params->model, "kind",
			"KIND_CPU", "count", (int)scoring.threads, "parameters"));
}

// --- Statistics ----------------------------------------------------------------------------------

static json_t *v2_stats_duration(uint64_t count, uint64_t ns)
{
	return json_pack("{s:I, s:I}", "count", (json_int_t)count, "ns", (json_int_t)ns);
}

// Of what came by UDP only the whole time is known, from receive to transmit: it counts as inference.
static json_t *v2_stats_of(const struct dataplane *dp, const struct slot_info *slot)
{
	const struct api_figures *api = &slot->api;
	const uint64_t n = slot->requests;
	struct histogram wire;
	uint64_t refused = 0;
	json_t *durations;
	char version[8];

	dataplane_latency(dp, slot->id, &wire);
	for (unsigned i = 0; i < WIRE_STATUS_COUNT; i++)
		refused += slot->refused[i];
	snprintf(version, sizeof(version), "%u", slot->version);
	durations = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "success",
		v2_stats_duration(n, wire.sum + api->total_ns), "fail",
		v2_stats_duration(refused, api->refused_ns), "queue",
		v2_stats_duration(n, api->queue_ns), "compute_input",
		v2_stats_duration(n, api->input_ns), "compute_infer",
		v2_stats_duration(n, wire.sum + api->infer_ns), "compute_output",
		v2_stats_duration(n, api->output_ns), "cache_hit", v2_stats_duration(0, 0),
		"cache_miss", v2_stats_duration(0, 0));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:{}, s:[], s:[{s:s, s:i, s:I}]}", "name",
		slot->name, "version", version, "last_inference", (json_int_t)api->last_ms,
		"inference_count", (json_int_t)slot->rows, "execution_count", (json_int_t)n,
		"inference_stats", durations, "response_stats", "batch_stats", "memory_usage",
		"type", "CPU", "id", 0, "byte_size",
		(json_int_t)model_info(slot->model)->weights_bytes);
}

void v2_stats_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct slot_info *slot = deployed_slot(server, request, params);

	if (slot)
		http_reply(request, 200,
			json_pack("{s:[o]}", "model_stats", v2_stats_of(server->dataplane, slot)));
}

void v2_stats_get_all(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const uint32_t n = dataplane_slots(server->dataplane, server->slots, SERVER_SLOTS_MAX);
	json_t *all = json_array();

	for (uint32_t i = 0; i < n && i < SERVER_SLOTS_MAX; i++)
		json_array_append_new(all, v2_stats_of(server->dataplane, &server->slots[i]));
	http_reply(request, 200, json_pack("{s:o}", "model_stats", all));
}
