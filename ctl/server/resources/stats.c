// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/stats.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"
#include "ctl/server/resources/history.h"
#include "ctl/server/server_state.h"

#include <stdlib.h>
#include <time.h>

static json_t *stats_counters(const struct dataplane_counters *c)
{
	json_t *statuses = json_object(), *drops = json_object();

	for (unsigned i = 0; i < WIRE_STATUS_COUNT; i++)
		json_object_set_new(
			statuses, wire_status_name(i), json_integer((json_int_t)c->status[i]));
	for (unsigned i = 0; i < DROP_COUNT; i++)
		json_object_set_new(drops, drop_name(i), json_integer((json_int_t)c->drops[i]));
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, "
		"s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"received", (json_int_t)c->received, "received_bytes",
		(json_int_t)c->received_bytes, "replied", (json_int_t)c->replied, "replied_bytes",
		(json_int_t)c->replied_bytes, "status", statuses, "pongs", (json_int_t)c->pongs,
		"neighbour_replies", (json_int_t)c->neighbour_replies, "icmp_replies",
		(json_int_t)c->icmp_replies, "icmp_errors", (json_int_t)c->icmp_errors,
		"mld_reports", (json_int_t)c->mld_reports, "neighbour_defences",
		(json_int_t)c->neighbour_defences, "announced", (json_int_t)c->announced,
		"announced_unsent", (json_int_t)c->announced_unsent, "drops", drops, "rows_scored",
		(json_int_t)c->rows_scored, "bursts", (json_int_t)c->bursts, "busy_cycles",
		(json_int_t)c->busy_cycles, "total_cycles", (json_int_t)c->total_cycles, "sleeps",
		(json_int_t)c->sleeps, "ring_full", (json_int_t)c->ring_full, "over_rate",
		(json_int_t)c->over_rate, "over_share", (json_int_t)c->over_share,
		"unfinished_checksums", (json_int_t)c->unfinished_checksums);
}

// A second's part of what was counted from `from` to `to`.
static json_t *stats_rate(uint64_t from, uint64_t to, double seconds)
{
	return json_real(to > from && seconds > 0 ? (double)(to - from) / seconds : 0.0);
}

static uint64_t stats_sum(const uint64_t *counters, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += counters[i];
	return sum;
}

static json_t *stats_rates_total(
	const struct dataplane_counters *from, const struct dataplane_counters *to, double seconds)
{
#define RATE(field) stats_rate(from->field, to->field, seconds)
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "received", RATE(received),
		"replied", RATE(replied), "requests",
		stats_rate(stats_sum(from->status, WIRE_STATUS_COUNT) + from->pongs,
			stats_sum(to->status, WIRE_STATUS_COUNT) + to->pongs, seconds),
		"rows", RATE(rows_scored), "received_bytes", RATE(received_bytes), "replied_bytes",
		RATE(replied_bytes), "drops",
		stats_rate(stats_sum(from->drops, DROP_COUNT), stats_sum(to->drops, DROP_COUNT),
			seconds));
#undef RATE
}

static json_t *stats_rates_ports(const struct server *server, const struct history_sample *from,
	const struct history_sample *to, double seconds)
{
	json_t *ports = json_array();

	for (uint32_t i = 0; i < server->config->n_ports; i++) {
		const struct history_port *a = &from->ports[i], *b = &to->ports[i];

		json_array_append_new(ports,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name",
				server->config->ports[i].name, "received",
				stats_rate(a->rx_packets, b->rx_packets, seconds), "replied",
				stats_rate(a->tx_packets, b->tx_packets, seconds), "received_bytes",
				stats_rate(a->rx_bytes, b->rx_bytes, seconds), "replied_bytes",
				stats_rate(a->tx_bytes, b->tx_bytes, seconds), "drops",
				stats_rate(a->drops, b->drops, seconds)));
	}
	return ports;
}

// Those in service; one that came meanwhile counts from 0.
static json_t *stats_rates_models(struct server *server, const struct history_sample *from,
	const struct history_sample *to, double seconds)
{
	uint32_t n = dataplane_slots(server->dataplane, server->slots, SERVER_SLOTS_MAX);
	json_t *models = json_array();
	uint32_t a = 0, b = 0;

	for (uint32_t i = 0; i < n && i < SERVER_SLOTS_MAX; i++) {
		const struct slot_info *slot = &server->slots[i];
		struct history_model before = { 0 }, now = { 0 };

		while (a < from->n_models && from->models[a].id < slot->id)
			a++;
		while (b < to->n_models && to->models[b].id < slot->id)
			b++;
		if (a < from->n_models && from->models[a].id == slot->id)
			before = from->models[a];
		if (b < to->n_models && to->models[b].id == slot->id)
			now = to->models[b];
		json_array_append_new(models,
			json_pack("{s:i, s:s, s:o, s:o, s:o}", "id", (int)slot->id, "name",
				slot->name, "requests",
				stats_rate(before.requests, now.requests, seconds), "rows",
				stats_rate(before.rows, now.rows, seconds), "refused",
				stats_rate(before.refused, now.refused, seconds)));
	}
	return models;
}

static json_t *stats_rates(struct server *server, uint32_t seconds)
{
	const struct history_sample *from, *to;
	double span = 0;

	if (history_span(server->history, seconds, &from, &to))
		span = (double)(to->ns - from->ns) * 1e-9;
	return json_pack("{s:f, s:o, s:o, s:o}", "seconds", span, "total",
		stats_rates_total(&from->sum, &to->sum, span), "ports",
		stats_rates_ports(server, from, to, span), "models",
		stats_rates_models(server, from, to, span));
}

static json_t *stats_since(const struct history_mark *mark)
{
	char time[32];
	struct tm utc;

	if (!mark)
		return json_null();
	gmtime_r(&mark->when.tv_sec, &utc);
	strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_pack("{s:s, s:f, s:o*, s:s}", "time", time, "unix_seconds",
		(double)mark->when.tv_sec + (double)mark->when.tv_nsec * 1e-9, "uid",
		mark->uid == UINT32_MAX ? NULL : json_integer(mark->uid), "by", mark->by);
}

void stats_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct history_mark *mark = history_mark(server->history);
	const struct dataplane *dp = server->dataplane;
	struct dataplane_counters sum;
	json_t *lcores = json_array(), *totals;

	dataplane_counters(dp, &sum);
	totals = stats_counters(&sum);
	if (mark)
		history_since(&sum, &mark->sum);
	for (uint32_t i = 0; i < dataplane_n_lcores(dp); i++) {
		struct lcore_info info;

		dataplane_lcore(dp, i, &info);
		if (mark)
			history_since(&info.counters, &mark->lcores[i]);
		json_array_append_new(lcores,
			json_pack("{s:i, s:s, s:o}", "cpu", (int)info.cpu, "role",
				lcore_role_name(info.role), "counters",
				stats_counters(&info.counters)));
	}
	http_reply(request, 200,
		json_pack("{s:o, s:o, s:o, s:o, s:{s:o, s:o}}", "since", stats_since(mark),
			"counters", stats_counters(&sum), "lcores", lcores, "totals", totals,
			"rates", "second", stats_rates(server, 1), "minute",
			stats_rates(server, HISTORY_SECONDS)));
}

void stats_reset_post(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	if (!body_is_empty(request))
		return;
	history_set_mark(server->history, http_who(request)->uid, http_who(request)->name);
	log_info("stats: counted from here on, by %s", http_who(request)->name);
	http_reply(request, 200,
		json_pack("{s:o}", "since", stats_since(history_mark(server->history))));
}

void drops_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct dataplane_counters sum;
	json_t *drops = json_array();

	dataplane_counters(server->dataplane, &sum);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		json_array_append_new(drops,
			json_pack("{s:s, s:s, s:I}", "name", drop_name(i), "text", drop_text(i),
				"count", (json_int_t)sum.drops[i]));
	http_reply(request, 200, json_pack("{s:o}", "drops", drops));
}

static json_t *stats_latency(
	uint16_t id, const char *name, const char *via, const struct histogram *h)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "id",
		(int)id, "name", name, "via", via, "count", (json_int_t)h->count, "min_ns",
		(json_int_t)(h->count ? h->min : 0), "p50_ns",
		(json_int_t)histogram_percentile(h, 0.5), "p90_ns",
		(json_int_t)histogram_percentile(h, 0.9), "p99_ns",
		(json_int_t)histogram_percentile(h, 0.99), "p999_ns",
		(json_int_t)histogram_percentile(h, 0.999), "p9999_ns",
		(json_int_t)histogram_percentile(h, 0.9999), "max_ns", (json_int_t)h->max,
		"mean_ns", h->count ? (double)h->sum / (double)h->count : 0.0);
}

void latency_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct dataplane *dp = server->dataplane;
	uint32_t n = dataplane_slots(dp, server->slots, SERVER_SLOTS_MAX);
	struct histogram h;
	json_t *models = json_array();

	if (dataplane_latency(dp, 0, &h) == 0)
		json_array_append_new(models, stats_latency(0, "ping", "udp", &h));
	for (uint32_t i = 0; i < n && i < SERVER_SLOTS_MAX; i++) {
		const struct slot_info *slot = &server->slots[i];

		if (dataplane_latency(dp, slot->id, &h) == 0)
			json_array_append_new(
				models, stats_latency(slot->id, slot->name, "udp", &h));
		if (dataplane_api_latency(dp, slot->id, &h) == 0 && h.count > 0)
			json_array_append_new(
				models, stats_latency(slot->id, slot->name, "api", &h));
	}
	http_reply(request, 200, json_pack("{s:o}", "models", models));
}
