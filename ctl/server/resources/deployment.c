// SPDX-License-Identifier: BSD-3-Clause
// The requests that change what is in service: promote, roll back, load, unload.
#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/resources/resources.h"

#include <stdlib.h>
#include <string.h>

void deployment_put(
	struct server *server, struct evhttp_request *request, const struct route_params *params)
{
	struct operation *op;
	struct body_deployment body;
	struct error err;
	size_t size;
	char *text = http_take_body(request, &size);
	int rc;

	if (!text)
		return;
	rc = body_deployment_parse(text, size, &body, &err);
	free(text);
	if (rc) {
		http_fail(request, 400, "%s", err.text);
		return;
	}
	op = operation_create(server, request, params, "deploy", deploy_begin);
	if (!op)
		return;
	op->id = body.id;
	op->version = body.live;
	operation_start(op);
}

// Bodies that must be empty. True if so; replied to otherwise.
static bool body_is_empty(struct evhttp_request *request)
{
	struct error err;
	size_t size;
	char *text = http_take_body(request, &size);
	int rc;

	if (!text)
		return false;
	rc = body_empty_parse(text, size, &err);
	free(text);
	if (rc)
		http_fail(request, 400, "%s", err.text);
	return rc == 0;
}

static void rollback_begin(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry) {
		operation_fail(op, 404, "there is no model '%s'", op->model);
	} else if (entry->record.n_previous == 0) {
		operation_fail(op, 409, "model '%s' has no deployment before this one", op->model);
	} else {
		op->version = entry->record.previous[0];
		deploy_begin(op);
	}
}

static void load_begin(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry) {
		operation_fail(op, 404, "there is no model '%s'", op->model);
	} else if (entry->record.id == 0) {
		operation_fail(op, 409,
			"model '%s' was never deployed: PUT /v1/models/%s/deployment says which "
			"version and id",
			op->model, op->model);
	} else {
		op->version = entry->record.live;
		deploy_begin(op);
	}
}

static void unload_recorded(struct operation *op)
{
	if (op->rc)
		operation_fail(
			op, 500, "unloaded, but a restart would bring it back: %s", op->err.text);
	else
		operation_reply(op, 200,
			json_pack("{s:s, s:i, s:n, s:o}", "model", op->model, "id",
				(int)op->record.id, "live", "previous",
				json_integer(op->record.live)));
}

static void unload_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry) {
		operation_fail(op, 404, "there is no model '%s'", op->model);
		return;
	}
	if (entry->record.id == 0 || !entry->record.loaded) {
		operation_fail(op, 409, "model '%s' is not loaded", op->model);
		return;
	}
	op->rc = dataplane_retire(op->server->parts.dataplane, entry->record.id, &op->err);
	if (op->rc && op->rc != -ENOENT) { // -ENOENT: it failed to load, and need not try again
		operation_fail(op, 500, "%s", op->err.text);
		return;
	}
	entry->record.loaded = false;
	entry->state = MODEL_STATE_UNAVAILABLE;
	snprintf(entry->reason, sizeof(entry->reason), "unloaded by the operator");
	op->record = entry->record;
	op->data = record_format(&op->record);
	operation_write(
		op, STORE_DEPLOYMENT, op->data, op->data ? strlen(op->data) : 0, unload_recorded);
}

static void start(struct server *server, struct evhttp_request *request,
	const struct route_params *params, const char *what, void (*begin)(struct operation *op))
{
	struct operation *op;

	if (!body_is_empty(request))
		return;
	op = operation_create(server, request, params, what, begin);
	if (op)
		operation_start(op);
}

void rollback_post(
	struct server *server, struct evhttp_request *request, const struct route_params *params)
{
	start(server, request, params, "roll back", rollback_begin);
}

void load_post(
	struct server *server, struct evhttp_request *request, const struct route_params *params)
{
	start(server, request, params, "load", load_begin);
}

void unload_post(
	struct server *server, struct evhttp_request *request, const struct route_params *params)
{
	start(server, request, params, "unload", unload_begin);
}
