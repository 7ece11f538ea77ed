// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/status.h"

#include "base/device_text.h"
#include "base/version.h"
#include "ctl/server/confine/confine.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "ctl/server/resources/models_json.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/server_state.h"

#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

static json_t *status_addresses(const struct config_port *port)
{
	json_t *addresses = json_array();

	for (uint32_t i = 0; i < port->n_addresses; i++) {
		const struct config_address *a = &port->addresses[i];
		char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 4];

		inet_ntop(a->is_ipv6 ? AF_INET6 : AF_INET, &a->ipv6, host, sizeof(host));
		snprintf(text, sizeof(text), "%s/%u", host, a->prefix_length);
		json_array_append_new(addresses, json_string(text));
	}
	return addresses;
}

// "2026-11-28T23:50:02Z"
static const char *status_time(int64_t seconds, char *text, size_t size)
{
	const time_t time = (time_t)seconds;
	struct tm utc;

	gmtime_r(&time, &utc);
	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return text;
}

static void status_mac(const uint8_t mac[6], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
}

// The addresses of ours that another host claims.
static json_t *status_conflicts(const struct port_info *p)
{
	json_t *conflicts = json_array();

	for (uint32_t i = 0; i < p->n_conflicts; i++) {
		const struct port_conflict *c = &p->conflicts[i];
		char host[INET6_ADDRSTRLEN], mac[18];

		inet_ntop(c->address->is_ipv6 ? AF_INET6 : AF_INET, &c->address->ipv6, host,
			sizeof(host));
		status_mac(c->mac, mac);
		json_array_append_new(conflicts,
			json_pack("{s:s, s:s, s:I, s:I, s:I}", "address", host, "mac", mac,
				"packets", (json_int_t)c->packets, "defences",
				(json_int_t)c->defences, "seconds_ago",
				(json_int_t)c->seconds_ago));
	}
	return conflicts;
}

static json_t *status_port(const struct port_info *p)
{
	char mac[18], since[24], device[CONFIG_PATH_MAX];
	json_t *port, *figures;

	status_mac(p->mac, mac);
	snprintf(device, sizeof(device), "%s", p->device);
	device_text_hide(device);
	port = json_pack("{s:s, s:s, s:s*, s:s, s:b, s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:o}",
		"name", p->name, "device", device, "driver", p->driver, "mac", mac, "link_up",
		(int)p->link_up, "link_mbps", (int)p->link_mbps, "mtu", (int)p->mtu, "udp_port",
		(int)p->udp_port, "rx_queues", (int)p->rx_queues, "tx_queues", (int)p->tx_queues,
		"rx_checksum_offload", (int)p->rx_checksum_offload, "tx_checksum_offload",
		(int)p->tx_checksum_offload, "addresses", status_addresses(p->config));
	figures = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "drops",
		(json_int_t)p->traffic.drops, "rx_packets", (json_int_t)p->traffic.rx_packets,
		"rx_bytes", (json_int_t)p->traffic.rx_bytes, "tx_packets",
		(json_int_t)p->traffic.tx_packets, "tx_bytes", (json_int_t)p->traffic.tx_bytes,
		"rx_missed", (json_int_t)p->rx_missed, "rx_errors", (json_int_t)p->rx_errors,
		"tx_errors", (json_int_t)p->tx_errors, "rx_nombuf", (json_int_t)p->rx_nombuf,
		"peers_turned_away", (json_int_t)p->peers_turned_away, "unfinished_checksums",
		(json_int_t)p->traffic.unfinished_checksums);
	json_object_update(port, figures);
	json_decref(figures);
	if (p->trouble[0]) {
		json_object_set_new(port, "trouble", http_sentence(p->trouble));
		json_object_set_new(port, "trouble_since",
			json_string(status_time(p->trouble_since, since, sizeof(since))));
	}
	json_object_set_new(port, "conflicts", status_conflicts(p));
	return port;
}

static json_t *status_ports(struct server *server)
{
	const struct dataplane *dp = server->dataplane;
	json_t *ports = json_array();

	for (uint32_t i = 0; i < dataplane_n_ports(dp); i++) {
		struct port_info info;

		dataplane_port(dp, i, &info);
		json_array_append_new(ports, status_port(&info));
	}
	return ports;
}

void ports_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:o}", "ports", status_ports(server)));
}

static json_t *status_lcores(struct server *server)
{
	const struct dataplane *dp = server->dataplane;
	json_t *lcores = json_array();

	for (uint32_t i = 0; i < dataplane_n_lcores(dp); i++) {
		struct lcore_info info;
		const struct dataplane_counters *c = &info.counters;

		dataplane_lcore(dp, i, &info);
		json_array_append_new(lcores,
			json_pack("{s:i, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "cpu",
				(int)info.cpu, "role", lcore_role_name(info.role), "busy_share",
				c->total_cycles ? (double)c->busy_cycles / (double)c->total_cycles
						: 0.0,
				"received", (json_int_t)c->received, "replied",
				(json_int_t)c->replied, "rows_scored", (json_int_t)c->rows_scored,
				"bursts", (json_int_t)c->bursts, "sleeps", (json_int_t)c->sleeps,
				"ring_full", (json_int_t)c->ring_full));
	}
	return lcores;
}

void lcores_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:o}", "lcores", status_lcores(server)));
}

static json_t *status_api(const struct server *server)
{
	struct gate_figures f;
	json_t *refused = json_object();

	gate_figures(server->gate, &f);
	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		if (f.refused[i])
			json_object_set_new(
				refused, refusal_name(i), json_integer((json_int_t)f.refused[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "connections",
		(json_int_t)f.connections, "connections_max", (json_int_t)f.connections_max,
		"accepted", (json_int_t)f.accepted, "closed_silent",
		(json_int_t)f.refused[REFUSAL_SILENT], "pauses", (json_int_t)f.pauses, "body_bytes",
		(json_int_t)f.body_bytes, "body_bytes_max", (json_int_t)f.body_bytes_max,
		"bodies_refused", (json_int_t)f.refused[REFUSAL_BODIES_FULL], "refused", refused);
}

static json_t *status_scoring(const struct server *server)
{
	struct scoring_figures f;

	scoring_figures(server->scoring, &f);
	return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "threads", (int)f.threads,
		"queue", (int)f.queue, "waiting", (int)f.waiting, "scored", (json_int_t)f.scored,
		"busy", (json_int_t)f.busy, "expired", (json_int_t)f.expired, "cancelled",
		(json_int_t)f.cancelled, "failed", (json_int_t)f.failed);
}

// What martletd may still do.
static json_t *status_process(const struct server *server)
{
	struct confine_report report;
	char capabilities[17];

	confine_report(server->confine, &report);
	snprintf(capabilities, sizeof(capabilities), "%016llx",
		(unsigned long long)report.capabilities);
	return json_pack("{s:s, s:s, s:s, s:b, s:s}", "user", report.user, "capabilities",
		report.names, "cap_eff", capabilities, "no_new_privs", (int)report.no_new_privs,
		"seccomp", report.seccomp);
}

void status_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct dataplane *dp = server->dataplane;
	struct dataplane_counters sum;
	struct mempool_info pool;
	json_t *drops = json_object();
	unsigned isa = isa_detected();
	json_int_t dropped = 0;

	if (server->model_options.isa_limited)
		isa &= server->model_options.isa_mask;
	dataplane_counters(dp, &sum);
	dataplane_mempool(dp, &pool);
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		dropped += (json_int_t)sum.drops[i];
		if (sum.drops[i])
			json_object_set_new(
				drops, drop_name(i), json_integer((json_int_t)sum.drops[i]));
	}
	http_reply(request, 200,
		json_pack("{s:s, s:i, s:f, s:s, s:s, s:s, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}, "
			  "s:o, s:{s:i, s:i}, s:o, s:o, s:o}",
			"version", martlet_version, "pid", (int)getpid(), "uptime_seconds",
			server_uptime_seconds(server), "state", server_state_name(server), "config",
			server->config->path, "isa", isa_name(isa), "ports", status_ports(server),
			"lcores", status_lcores(server), "models", models_json(server), "counters",
			"received", (json_int_t)sum.received, "replied", (json_int_t)sum.replied,
			"dropped", dropped, "rows_scored", (json_int_t)sum.rows_scored, "drops",
			drops, "mempool", "size", (int)pool.size, "in_use", (int)pool.in_use, "api",
			status_api(server), "scoring", status_scoring(server), "process",
			status_process(server)));
}
