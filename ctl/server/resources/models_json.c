// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/models_json.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

static json_t *models_json_versions(const struct model_entry *entry)
{
	json_t *versions = json_array();

	for (uint32_t i = 0; i < entry->n_versions; i++) {
		const struct model_version *v = &entry->versions[i];
		bool live = entry->record.loaded && entry->record.live == v->version;

		json_array_append_new(versions,
			json_pack("{s:i, s:I, s:s, s:s}", "version", (int)v->version, "bytes",
				(json_int_t)v->bytes, "sha256", v->sha256, "state",
				live ? "live" : "stored"));
	}
	return versions;
}

static json_t *models_json_entry(struct server *server, const struct model_entry *entry)
{
	const struct record *r = &entry->record;
	const struct slot_info *slot = server_slot(server, entry->name);

	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:I}", "name", entry->name,
		"id", r->id ? json_integer(r->id) : json_null(), "live",
		r->id && r->loaded ? json_integer(r->live) : json_null(), "previous",
		r->n_previous ? json_integer(r->previous[0]) : json_null(), "state",
		model_state_name(entry->state), "reason", http_sentence(model_entry_reason(entry)),
		"versions", models_json_versions(entry), "requests",
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

static void index_add_entry(json_t *index, const struct model_entry *entry, bool only_ready)
{
	for (uint32_t i = 0; i < entry->n_versions; i++) {
		uint16_t version = entry->versions[i].version;
		bool live = entry->record.loaded && entry->record.live == version;
		const char *state = live ? model_state_name(entry->state) : "UNAVAILABLE";
		char text[8];

		if (only_ready && (!live || entry->state != MODEL_STATE_READY))
			continue;
		snprintf(text, sizeof(text), "%u", version);
		json_array_append_new(index,
			json_pack("{s:s, s:s, s:s, s:o}", "name", entry->name, "version", text,
				"state", state, "reason",
				http_sentence(live || entry->is_damaged ? model_entry_reason(entry)
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
		index_add_entry(index, server->models.entries[i], body.ready);
	http_reply(request, 200, index);
}
