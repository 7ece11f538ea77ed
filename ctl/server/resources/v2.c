// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/v2.h"

#include "base/version.h"
#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

void v2_get(struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200,
		json_pack("{s:s, s:s, s:[s, s, s, s, s, s, s]}", "name", "martlet", "version",
			martlet_version, "extensions", "binary_tensor_data", "classification",
			"schedule_policy", "model_configuration", "model_repository", "statistics",
			"logging"));
}

void v2_live_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	char why[SERVER_WHY_BYTES];

	http_reply(request, 200,
		json_pack("{s:b, s:b}", "live", 1, "ready",
			(int)server_ready(server, why, sizeof(why))));
}

static json_t *v2_not_ready(const char *why)
{
	json_t *sentence = json_sprintf("not ready: %s", why);

	return sentence ? sentence : json_string("not ready"); // it is cut within a character
}

void v2_ready_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	char why[SERVER_WHY_BYTES];

	if (server_ready(server, why, sizeof(why)))
		http_reply(request, 200, json_pack("{s:b, s:b}", "live", 1, "ready", 1));
	else
		http_reply(request, 503,
			json_pack("{s:o, s:b}", "error", v2_not_ready(why), "ready", 0));
}
