// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/deployment.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/deployment_json.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/remove.h"
#include "ctl/server/operations/unload.h"

#include <inttypes.h>
#include <string.h>

static void deployment_add_etag(struct http_request *request, uint64_t revision)
{
	char etag[32];

	snprintf(etag, sizeof(etag), "\"%" PRIu64 "\"", revision);
	http_add_header(request, "ETag", etag);
}

// Both what was changed and what was refused since it is another by now come with what there is now.
static void deployment_finish(void *request, int status, json_t *body, const char *refusal)
{
	const json_t *now = json_object_get(body, "deployment");
	const json_t *revision = json_object_get(now ? now : body, "revision");

	if (json_is_integer(revision))
		deployment_add_etag(request, (uint64_t)json_integer_value(revision));
	http_finish(request, status, body, refusal);
}

static struct operation *deployment_operation(struct http_request *request, struct server *server,
	const char *what, void (*begin)(struct operation *op), const struct route_params *params)
{
	const struct operation_client client = { deployment_finish, request,
		http_who(request)->name };
	struct if_match match;
	struct operation *op;
	struct error err;

	if (if_match_parse(http_header(request, "If-Match"), &match, &err) != 0) {
		http_fail(request, 400, "%s", err.text);
		return NULL;
	}
	op = operation_create(server, client, what, begin, params->model, params->version);
	if (op) {
		op->if_match = match;
		op->is_change = begin != remove_begin && begin != remove_begin_model;
	}
	return op;
}

void deployment_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct operation *op;
	struct body_deployment body;

	if (!body_read(request, body_deployment_parse, &body))
		return;
	op = deployment_operation(request, server, "deploy", deploy_begin, params);
	if (!op)
		return;
	op->version = body.live;
	op->wish = (struct wish){ .id = body.id,
		.live = body.live,
		.force = body.force,
		.has_canary = body.has_canary,
		.has_permille = body.has_permille,
		.has_key = body.has_key,
		.has_bounds = body.has_bounds,
		.bounds = body.bounds,
		.has_shadow = body.has_shadow,
		.has_pinned = body.has_pinned,
		.canary = body.canary,
		.permille = body.permille,
		.shadow = body.shadow,
		.n_pinned = body.n_pinned };
	memcpy(op->wish.pinned, body.pinned, sizeof(body.pinned));
	snprintf(op->wish.key, sizeof(op->wish.key), "%s", body.key);
	operation_start(op);
}

void rollback_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct operation *op;
	struct body_rollback body;

	if (!body_read(request, body_rollback_parse, &body))
		return;
	op = deployment_operation(request, server, "roll back", deploy_begin_rollback, params);
	if (!op)
		return;
	op->version = body.to;
	operation_start(op);
}

static void deployment_start(struct server *server, struct http_request *request,
	const struct route_params *params, const char *what, void (*begin)(struct operation *op))
{
	struct operation *op;

	if (!body_read(request, body_repository_parse, NULL))
		return;
	op = deployment_operation(request, server, what, begin, params);
	if (op)
		operation_start(op);
}

void load_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	deployment_start(server, request, params, "load", deploy_begin_load);
}

void unload_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	deployment_start(server, request, params, "unload", unload_begin);
}

void version_delete(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct operation *op =
		deployment_operation(request, server, "delete", remove_begin, params);

	if (op)
		operation_start(op);
}

void model_delete(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct operation *op =
		deployment_operation(request, server, "delete", remove_begin_model, params);

	if (op)
		operation_start(op);
}

// The entry of a model that has a deployment; NULL: the client was replied to.
static const struct model_entry *deployment_entry(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct model_entry *entry = models_find(&server->models, params->model);

	if (!entry)
		http_fail(request, 404, "there is no model '%s'", params->model);
	else if (entry->is_damaged)
		http_fail(request, 409, "what the store says of model '%s' cannot be read: %s",
			params->model, entry->reason);
	else if (!entry->record.id)
		http_fail(request, 404, "model '%s' was never deployed", params->model);
	return entry && !entry->is_damaged && entry->record.id ? entry : NULL;
}

void deployment_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct model_entry *entry = deployment_entry(server, request, params);

	if (!entry)
		return;
	deployment_add_etag(request, entry->record.revision);
	http_reply(request, 200, deployment_json(entry->name, &entry->record));
}

void deployments_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct model_entry *entry = deployment_entry(server, request, params);
	json_t *before;

	if (!entry)
		return;
	before = json_array();
	for (uint32_t i = 0; i < entry->record.n_previous; i++) {
		const struct record_previous *p = &entry->record.previous[i];

		json_array_append_new(before,
			json_pack("{s:i, s:s, s:I, s:s, s:I}", "live", (int)p->live.version,
				"sha256", p->live.sha256, "revision", (json_int_t)p->revision, "by",
				p->by, "at", (json_int_t)p->at));
	}
	deployment_add_etag(request, entry->record.revision);
	http_reply(request, 200,
		json_pack("{s:o, s:o}", "now", deployment_json(entry->name, &entry->record),
			"before", before));
}
