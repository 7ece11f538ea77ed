// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/deployment.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/unload.h"

#include <stdlib.h>

void deployment_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_uid(request) };
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
	if (rc != 0) {
		http_fail(request, 400, "%s", err.text);
		return;
	}
	op = operation_create(server, client, "deploy", deploy_begin, params->model, body.live);
	if (!op)
		return;
	op->id = body.id;
	op->force = body.force;
	operation_start(op);
}

static void deployment_start(struct server *server, struct http_request *request,
	const struct route_params *params,
	int (*parse)(const char *text, size_t size, struct error *err), const char *what,
	void (*begin)(struct operation *op))
{
	const struct operation_client client = { http_finish, request, http_uid(request) };
	struct operation *op;

	if (!body_fits(request, parse))
		return;
	op = operation_create(server, client, what, begin, params->model, 0);
	if (op)
		operation_start(op);
}

void rollback_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	deployment_start(
		server, request, params, body_empty_parse, "roll back", deploy_begin_rollback);
}

void load_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	deployment_start(server, request, params, body_repository_parse, "load", deploy_begin_load);
}

void unload_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	deployment_start(server, request, params, body_repository_parse, "unload", unload_begin);
}
