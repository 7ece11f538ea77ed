// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/clients_get.h"

#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_SHOWN 256 // of the busiest

static json_t *clients_vlan(uint32_t vlan)
{
	char text[16];

	if (!vlan)
		return json_null();
	if (vlan >> 16)
		snprintf(text, sizeof(text), "%u.%u", vlan >> 16, vlan & 0xffff);
	else
		snprintf(text, sizeof(text), "%u", vlan);
	return json_string(text);
}

static json_t *clients_one(const struct server *server, const struct client_info *info)
{
	char name[INET6_ADDRSTRLEN + 4] = "";
	json_t *port = json_null();

	if (info->key) {
		snprintf(name, sizeof(name), "key %u", info->key);
	} else {
		inet_ntop(info->is_ipv6 ? AF_INET6 : AF_INET, &info->ipv6, name, INET6_ADDRSTRLEN);
		if (info->is_ipv6)
			strcat(name, "/64");
		if (info->port < server->config->n_ports)
			port = json_string(server->config->ports[info->port].name);
	}
	return json_pack("{s:s, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "client", name,
		"port", port, "vlan", clients_vlan(info->vlan), "known", info->is_known, "requests",
		(json_int_t)info->requests, "rows", (json_int_t)info->rows, "over_rate",
		(json_int_t)info->over_rate, "over_share", (json_int_t)info->over_share,
		"requests_per_second", (json_int_t)info->a_second, "rate", (json_int_t)info->limit);
}

void clients_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct client_info *infos = calloc(CLIENTS_SHOWN, sizeof(*infos));
	struct clients_info all;
	json_t *clients = json_array();
	uint32_t n;

	if (!infos) {
		json_decref(clients);
		http_fail(request, 500, "no memory for the list of clients");
		return;
	}
	n = dataplane_clients(server->dataplane, infos, CLIENTS_SHOWN, &all);
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(clients, clients_one(server, &infos[i]));
	free(infos);
	http_reply(request, 200,
		json_pack("{s:b, s:b, s:i, s:i, s:I, s:{s:I, s:I}, s:o}", "rates", all.has_rates,
			"shares", all.has_shares, "busy_lcores", (int)all.n_busy, "tracked",
			(int)all.n, "displaced", (json_int_t)all.displaced, "others", "requests",
			(json_int_t)all.rest_requests, "refused", (json_int_t)all.rest_refused,
			"clients", clients));
}
