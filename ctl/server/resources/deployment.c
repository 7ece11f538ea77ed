// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/deployment.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/unload.h"

void deployment_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_uid(request) };
	struct operation *op;
	struct body_deployment body;

	if (!body_read(request, body_deployment_parse, &body))
		return;
	op = operation_create(server, client, "deploy", deploy_begin, params->model, body.live);
	if (!op)
		return;
	op->id = body.id;
	op->force = body.force;
	operation_start(op);
}

static void deployment_start(struct server *server, struct http_request *request,
	const struct route_params *params, body_parser *parse, const char *what,
	void (*begin)(struct operation *op))
{
	const struct operation_client client = { http_finish, request, http_uid(request) };
	struct operation *op;

	if (!body_read(request, parse, NULL))
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
