// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/stats.h"

#include "ctl/server/http/http.h"
#include "ctl/server/server_state.h"

#include <stdlib.h>

static json_t *stats_counters(const struct dataplane_counters *c)
{
	json_t *statuses = json_object(), *drops = json_object();

	for (unsigned i = 0; i < WIRE_STATUS_COUNT; i++)
		json_object_set_new(
			statuses, wire_status_name(i), json_integer((json_int_t)c->status[i]));
	for (unsigned i = 0; i < DROP_COUNT; i++)
		json_object_set_new(drops, drop_name(i), json_integer((json_int_t)c->drops[i]));
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"received", (json_int_t)c->received, "received_bytes",
		(json_int_t)c->received_bytes, "replied", (json_int_t)c->replied, "replied_bytes",
		(json_int_t)c->replied_bytes, "status", statuses, "pongs", (json_int_t)c->pongs,
		"neighbour_replies", (json_int_t)c->neighbour_replies, "icmp_replies",
		(json_int_t)c->icmp_replies, "drops", drops, "rows_scored",
		(json_int_t)c->rows_scored, "bursts", (json_int_t)c->bursts, "busy_cycles",
		(json_int_t)c->busy_cycles, "total_cycles", (json_int_t)c->total_cycles, "sleeps",
		(json_int_t)c->sleeps, "ring_full", (json_int_t)c->ring_full,
		"unfinished_checksums", (json_int_t)c->unfinished_checksums);
}

void stats_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct dataplane *dp = server->dataplane;
	struct dataplane_counters sum;
	json_t *lcores = json_array();

	dataplane_counters(dp, &sum);
	for (uint32_t i = 0; i < dataplane_n_lcores(dp); i++) {
		struct lcore_info info;

		dataplane_lcore(dp, i, &info);
		json_array_append_new(lcores,
			json_pack("{s:i, s:s, s:o}", "cpu", (int)info.cpu, "role",
				lcore_role_name(info.role), "counters",
				stats_counters(&info.counters)));
	}
	http_reply(request, 200,
		json_pack("{s:o, s:o}", "counters", stats_counters(&sum), "lcores", lcores));
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

static json_t *stats_latency(uint16_t id, const char *name, const struct histogram *h)
{
	return json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "id", (int)id,
		"name", name, "count", (json_int_t)h->count, "min_ns",
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
		json_array_append_new(models, stats_latency(0, "ping", &h));
	for (uint32_t i = 0; i < n && i < SERVER_SLOTS_MAX; i++)
		if (dataplane_latency(dp, server->slots[i].id, &h) == 0)
			json_array_append_new(models,
				stats_latency(server->slots[i].id, server->slots[i].name, &h));
	http_reply(request, 200, json_pack("{s:o}", "models", models));
}
