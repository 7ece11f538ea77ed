// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/announce.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"

#include <string.h>

static bool announce_is_meant(const struct body_announce *body, const struct config_port *port)
{
	return !body->port[0] || strcmp(body->port, port->name) == 0;
}

void announce_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct config *config = server->config;
	struct body_announce body;
	struct error err;
	json_t *done;
	uint32_t meant = 0;

	if (!body_read(request, body_announce_parse, &body))
		return;
	done = json_array();
	for (uint32_t i = 0; i < config->n_ports; i++) {
		if (!announce_is_meant(&body, &config->ports[i]))
			continue;
		meant++;
		if (dataplane_announce(server->dataplane, i, &err) == 0)
			json_array_append_new(done, json_string(config->ports[i].name));
	}
	if (meant && json_array_size(done)) {
		log_info("announced %s%s, by %s", body.port[0] ? "port " : "every port", body.port,
			http_who(request)->name);
		http_reply(request, 200, json_pack("{s:o}", "ports", done));
		return;
	}
	json_decref(done);
	if (meant)
		http_fail(request, 409, "%s", err.text);
	else
		http_fail(request, 404, "there is no port '%s'", body.port);
}
