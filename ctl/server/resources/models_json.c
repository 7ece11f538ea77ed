// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/models_json.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/deployment_json.h"
#include "ctl/server/operations/retain.h"
#include "ctl/server/operations/signature.h"
#include "ctl/server/server_state.h"

#include <stdio.h>
#include <string.h>

static json_t *models_json_version(
	const struct server *server, const struct model_entry *entry, const struct model_version *v)
{
	const char *role = entry->record.loaded ? record_role(&entry->record, v->version) : NULL;
	char source[2 * sizeof(v->source.sha256) + 1];

	for (size_t i = 0; i < sizeof(v->source.sha256); i++)
		snprintf(source + 2 * i, 3, "%02x", v->source.sha256[i]);
	return json_pack("{s:i, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "version",
		(int)v->version, "bytes", (json_int_t)v->bytes, "sha256", v->sha256, "state",
		role ? role : "stored", "stored_at", v->at ? json_integer(v->at) : json_null(),
		"source", v->source.kind[0] ? json_string(v->source.kind) : json_null(),
		"source_sha256", v->source.kind[0] ? json_string(source) : json_null(), "signed_by",
		v->signed_by[0] ? json_string(v->signed_by) : json_null(), "signed_version",
		v->signed_version ? json_integer((json_int_t)v->signed_version) : json_null(),
		"trusted", signature_is_trusted(&server->config->trust, entry->name, v->signed_by));
}

static json_t *models_json_versions(const struct server *server, const struct model_entry *entry)
{
	json_t *versions = json_array();

	for (uint32_t i = 0; i < entry->n_versions; i++)
		json_array_append_new(
			versions, models_json_version(server, entry, &entry->versions[i]));
	return versions;
}

// What each version has done since it came into service, with its own latency over UDP.
static json_t *models_json_in_service(const struct dataplane *dp, const struct slot_info *slot)
{
	json_t *all = json_array();

	for (uint32_t i = 0; slot && i < slot->n_versions; i++) {
		const struct slot_version *v = &slot->versions[i];
		struct histogram h;

		dataplane_version_latency(dp, slot->id, v->version, &h);
		json_array_append_new(all,
			json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I}", "version", (int)v->version,
				"role", route_role_name(v->role), "requests",
				(json_int_t)v->requests, "rows", (json_int_t)v->rows, "not_finite",
				(json_int_t)v->not_finite, "p50_ns",
				(json_int_t)histogram_percentile(&h, 0.5), "p99_ns",
				(json_int_t)histogram_percentile(&h, 0.99)));
	}
	return all;
}

static json_t *models_json_entry(struct server *server, const struct model_entry *entry)
{
	const struct record *r = &entry->record;
	const struct slot_info *slot = server_slot(server, entry->name);

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:I, s:I, s:I}",
		"name", entry->name, "id", r->id ? json_integer(r->id) : json_null(), "live",
		r->id && r->loaded ? json_integer(r->live.version) : json_null(), "previous",
		r->n_previous ? json_integer(r->previous[0].live.version) : json_null(), "canary",
		deployment_canary_json(r), "shadow",
		r->shadow.version ? json_integer(r->shadow.version) : json_null(), "revision",
		(json_int_t)r->revision, "state", model_state_name(entry->state), "reason",
		http_sentence(model_entry_reason(entry)), "versions",
		models_json_versions(server, entry), "in_service",
		models_json_in_service(server->dataplane, slot), "requests",
		(json_int_t)(slot ? slot->requests : 0), "rows",
		(json_int_t)(slot ? slot->rows : 0), "not_finite",
		(json_int_t)(slot ? slot->not_finite : 0));
}

json_t *models_json(struct server *server)
{
	json_t *models = json_array();

	for (uint32_t i = 0; i < server->models.n; i++)
		json_array_append_new(models, models_json_entry(server, server->models.entries[i]));
	return models;
}

void models_get_all(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:o}", "models", models_json(server)));
}

void versions_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct model_entry *entry = models_find(&server->models, params->model);
	json_t *body;

	if (!entry) {
		http_fail(request, 404, "there is no model '%s'", params->model);
		return;
	}
	body = retain_json(server, entry);
	json_object_set_new(body, "versions", models_json_versions(server, entry));
	http_reply(request, 200, body);
}

static void index_add_entry(
	struct server *server, json_t *index, const struct model_entry *entry, bool only_ready)
{
	for (uint32_t i = 0; i < entry->n_versions; i++) {
		uint16_t version = entry->versions[i].version;
		const struct record *r = &entry->record;
		const char *role = r->loaded ? record_role(r, version) : NULL;
		const char *state = role ? model_state_name(entry->state) : "UNAVAILABLE";
		char text[8];

		// A version beside the live one may be missing since the start: its image is damaged.
		if (role && entry->state == MODEL_STATE_READY &&
			!dataplane_find(server->dataplane, r->id, version))
			state = "UNAVAILABLE";
		if (only_ready && (!role || strcmp(state, "READY") != 0))
			continue;
		snprintf(text, sizeof(text), "%u", version);
		json_array_append_new(index,
			json_pack("{s:s, s:s, s:s, s:o}", "name", entry->name, "version", text,
				"state", state, "reason",
				http_sentence(role || entry->is_damaged ? model_entry_reason(entry)
									: "not deployed")));
	}
}

void index_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct body_index body;
	json_t *index;

	if (!body_read(request, body_index_parse, &body))
		return;
	index = json_array();
	for (uint32_t i = 0; i < server->models.n; i++)
		index_add_entry(server, index, server->models.entries[i], body.ready);
	http_reply(request, 200, index);
}
