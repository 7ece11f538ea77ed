// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/compare_get.h"

#include "ctl/server/compare/compare.h"
#include "ctl/server/http/http.h"

void compare_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct model_entry *entry = models_find(&server->models, params->model);

	if (!entry) {
		http_fail(request, 404, "there is no model %s", params->model);
		return;
	}
	http_reply(request, 200, compare_json(server, entry));
}
