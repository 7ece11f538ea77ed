// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/tokens_get.h"

#include "ctl/server/access/access.h"
#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

void tokens_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:o}", "tokens", access_tokens_json(server->access)));
}
