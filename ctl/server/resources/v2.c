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

void v2_not_ready(struct http_request *request, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	http_reply(request, 503, json_pack("{s:o, s:b}", "error", http_sentence(text), "ready", 0));
}

void v2_ready_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	char why[SERVER_WHY_BYTES];

	if (server_ready(server, why, sizeof(why)))
		http_reply(request, 200, json_pack("{s:b, s:b}", "live", 1, "ready", 1));
	else
		v2_not_ready(request, "not ready: %s", why);
}
