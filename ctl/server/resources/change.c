// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/change.h"

#include "ctl/server/http/http.h"
#include "ctl/server/http/route.h"
#include "ctl/server/operations/cost.h"
#include "ctl/server/server_state.h"

void change_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	json_t *change = cost_json(server->cost, params->model);

	if (change)
		http_reply(request, 200, change);
	else if (models_find(&server->models, params->model))
		http_fail(request, 404, "model '%s' has not been changed since the start",
			params->model);
	else
		http_fail(request, 404, "there is no model '%s'", params->model);
}
