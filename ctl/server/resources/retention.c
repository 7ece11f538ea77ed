// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/retention.h"

#include "base/retention.h"
#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/retain.h"

void retention_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct model_entry *entry = models_find(&server->models, params->model);

	if (entry)
		http_reply(request, 200, retain_json(server, entry));
	else
		http_fail(request, 404, "there is no model '%s'", params->model);
}

void retention_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_who(request)->name };
	struct model_retention retention = { 0 };
	struct body_retention body;
	struct operation *op;

	if (!body_read(request, body_retention_parse, &body))
		return;
	retention.is_own = body.text[0] != '\0';
	if (retention.is_own && !retention_parse(body.text, &retention.keep)) {
		http_fail(
			request, 400, "\"retention\": '%s' is neither " RETENTION_WANTS, body.text);
		return;
	}
	op = operation_create(
		server, client, "set the retention", retain_begin_change, params->model, 0);
	if (!op)
		return;
	op->retention = retention;
	operation_start(op);
}
