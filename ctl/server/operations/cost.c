// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/cost.h"

#include "base/clock.h"
#include "base/histogram.h"
#include "ctl/server/server_state.h"
#include "dataplane/stats.h"

#include <stdlib.h>
#include <string.h>

#define COST_KEPT  32                     // changes
#define COST_NS    ((uint64_t)1000000000) // between two looks, and of what counts as "after"
#define COST_SHARE 0.999

enum cost_way { COST_UDP, COST_API, COST_WAYS };
enum cost_time { COST_BEFORE, COST_DURING, COST_AFTER, COST_TIMES };
enum cost_whose { COST_MODEL, COST_NEIGHBOURS, COST_WHOSE };

// The latencies of all models that have been asked, at a moment.
struct cost_moment {
	uint64_t ns, lost;
	uint32_t n;
	struct cost_slot {
		uint16_t id;
		struct histogram ways[COST_WAYS];
	} * slots;
};

struct cost_figure {
	uint64_t requests, p999_ns;
};

struct cost_change {
	char model[MODEL_NAME_MAX + 1]; // "": none
	const char *what;
	uint16_t id, version;
	bool is_settled;
	uint64_t revision; // of the deployment, that it made
	uint64_t took_ns, blocked_ns, lost;
	struct cost_moment end; // until it is settled
	struct cost_figure figures[COST_WHOSE][COST_WAYS][COST_TIMES];
};

struct cost {
	struct server *server;
	struct cost_moment older, newer; // looks
	struct cost_moment begin;        // of the operation under way
	uint64_t entered_ns, blocked_ns;
	struct cost_change changes[COST_KEPT];
	uint32_t next; // the oldest of them
};

// --- Moments -------------------------------------------------------------------------------------

static void moment_fini(struct cost_moment *moment)
{
	free(moment->slots);
	*moment = (struct cost_moment){ 0 };
}

// Requests that came and were not answered, for want of an lcore's time or a place to go.
static uint64_t moment_lost(const struct dataplane *dp)
{
	struct dataplane_counters sum;
	struct port_info port;
	uint64_t lost;

	dataplane_counters(dp, &sum);
	lost = sum.drops[DROP_TX_FULL];
	for (uint32_t i = 0; i < dataplane_n_ports(dp); i++) {
		dataplane_port(dp, i, &port);
		lost += port.rx_missed + port.rx_nombuf;
	}
	return lost;
}

// Without memory there are no latencies in it.
static void moment_take(struct cost_moment *moment, struct server *server)
{
	const struct dataplane *dp = server->dataplane;
	uint32_t n = dataplane_slots(dp, server->slots, SERVER_SLOTS_MAX);

	moment_fini(moment);
	moment->ns = clock_ns();
	moment->lost = moment_lost(dp);
	n = n < SERVER_SLOTS_MAX ? n : SERVER_SLOTS_MAX;
	moment->slots = malloc((n + 1) * sizeof(moment->slots[0]));
	for (uint32_t i = 0; moment->slots && i < n; i++) {
		struct cost_slot *slot = &moment->slots[moment->n];

		if (server->slots[i].requests == 0)
			continue;
		slot->id = server->slots[i].id;
		if (dataplane_latency(dp, slot->id, &slot->ways[COST_UDP]) == 0 &&
			dataplane_api_latency(dp, slot->id, &slot->ways[COST_API]) == 0)
			moment->n++;
	}
}

static const struct cost_slot *moment_slot(const struct cost_moment *moment, uint16_t id)
{
	for (uint32_t i = 0; i < moment->n; i++)
		if (moment->slots[i].id == id)
			return &moment->slots[i];
	return NULL;
}

// Adds what came between two looks at one histogram. Where it began anew meanwhile, all of it came.
static void cost_add(
	struct histogram *sum, const struct histogram *from, const struct histogram *to)
{
	const bool anew = !from || from->count > to->count;
	uint64_t top = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const uint64_t before = anew ? 0 : from->buckets[i];

		if (to->buckets[i] <= before)
			continue;
		sum->buckets[i] += to->buckets[i] - before;
		sum->count += to->buckets[i] - before;
		top = histogram_bucket_top(i);
	}
	top = top < to->max ? top : to->max;
	sum->max = sum->max > top ? sum->max : top;
}

// Between two moments: of the model of that id, or of all others.
static struct cost_figure cost_between(const struct cost_moment *from, const struct cost_moment *to,
	uint16_t id, enum cost_whose whose, enum cost_way way)
{
	struct histogram sum;

	histogram_reset(&sum);
	for (uint32_t i = 0; i < to->n; i++) {
		const struct cost_slot *now = &to->slots[i], *then;

		if ((now->id == id) != (whose == COST_MODEL))
			continue;
		then = moment_slot(from, now->id);
		cost_add(&sum, then ? &then->ways[way] : NULL, &now->ways[way]);
	}
	return (struct cost_figure){ sum.count, histogram_percentile(&sum, COST_SHARE) };
}

static void cost_fill(struct cost_change *change, enum cost_time time,
	const struct cost_moment *from, const struct cost_moment *to)
{
	for (int whose = 0; whose < COST_WHOSE; whose++)
		for (int way = 0; way < COST_WAYS; way++)
			change->figures[whose][way][time] = cost_between(
				from, to, change->id, (enum cost_whose)whose, (enum cost_way)way);
}

// Whether anybody asked for anything.
static bool cost_is_idle(const struct cost_change *change)
{
	uint64_t n = 0;

	for (int whose = 0; whose < COST_WHOSE; whose++)
		for (int way = 0; way < COST_WAYS; way++)
			for (int time = 0; time < COST_AFTER; time++)
				n += change->figures[whose][way][time].requests;
	return n == 0;
}

// --- A change ------------------------------------------------------------------------------------

void cost_enter(struct cost *cost)
{
	cost->entered_ns = clock_ns();
}

void cost_leave(struct cost *cost)
{
	const uint64_t took = clock_ns() - cost->entered_ns;

	cost->blocked_ns = cost->blocked_ns > took ? cost->blocked_ns : took;
}

void cost_begin(struct cost *cost)
{
	cost->blocked_ns = 0;
	moment_take(&cost->begin, cost->server);
}

// The place of a model's change before, or else of the oldest.
static struct cost_change *cost_place(struct cost *cost, const char *model)
{
	for (uint32_t i = 0; i < COST_KEPT; i++)
		if (strcmp(cost->changes[i].model, model) == 0)
			return &cost->changes[i];
	return &cost->changes[cost->next++ % COST_KEPT];
}

void cost_end(struct cost *cost, const char *model, const char *what, uint16_t version)
{
	const struct model_entry *entry = models_find(&cost->server->models, model);
	struct cost_change *change = cost_place(cost, model);
	const struct cost_moment *before =
		cost->begin.ns - cost->newer.ns < COST_NS / 2 ? &cost->older : &cost->newer;

	cost_leave(cost);
	moment_fini(&change->end);
	*change = (struct cost_change){ .what = what,
		.id = entry ? entry->record.id : 0,
		.revision = entry ? entry->record.revision : 0,
		.version = version,
		.blocked_ns = cost->blocked_ns };
	snprintf(change->model, sizeof(change->model), "%s", model);
	moment_take(&change->end, cost->server);
	change->took_ns = change->end.ns - cost->begin.ns;
	change->lost = change->end.lost - cost->begin.lost;
	cost_fill(change, COST_BEFORE, before, &cost->begin);
	cost_fill(change, COST_DURING, &cost->begin, &change->end);
	change->is_settled = cost_is_idle(change);
	if (change->is_settled)
		moment_fini(&change->end);
	cost_enter(cost);
}

static void cost_settle(struct cost *cost, struct cost_change *change)
{
	struct cost_moment now = { 0 };

	moment_take(&now, cost->server);
	cost_fill(change, COST_AFTER, &change->end, &now);
	change->lost += now.lost - change->end.lost;
	change->is_settled = true;
	moment_fini(&change->end);
	moment_fini(&now);
}

void cost_tick(struct cost *cost)
{
	const uint64_t now = clock_ns();

	for (uint32_t i = 0; i < COST_KEPT; i++) {
		struct cost_change *change = &cost->changes[i];

		if (change->model[0] && !change->is_settled && now - change->end.ns >= COST_NS)
			cost_settle(cost, change);
	}
	if (now - cost->newer.ns < COST_NS)
		return;
	moment_fini(&cost->older);
	cost->older = cost->newer;
	cost->newer = (struct cost_moment){ 0 };
	moment_take(&cost->newer, cost->server);
}

struct cost *cost_create(struct server *server)
{
	struct cost *cost = calloc(1, sizeof(*cost));

	if (cost)
		cost->server = server;
	return cost;
}

void cost_destroy(struct cost *cost)
{
	if (!cost)
		return;
	moment_fini(&cost->older);
	moment_fini(&cost->newer);
	moment_fini(&cost->begin);
	for (uint32_t i = 0; i < COST_KEPT; i++)
		moment_fini(&cost->changes[i].end);
	free(cost);
}

// --- JSON ----------------------------------------------------------------------------------------

static json_t *cost_times_json(const struct cost_figure figures[COST_TIMES])
{
	static const char *const NAMES[COST_TIMES] = { "before", "during", "after" };
	json_t *times = json_object();

	for (int time = 0; time < COST_TIMES; time++)
		json_object_set_new(times, NAMES[time],
			figures[time].requests
				? json_pack("{s:I, s:I}", "requests",
					  (json_int_t)figures[time].requests, "p999_ns",
					  (json_int_t)figures[time].p999_ns)
				: json_null());
	return times;
}

static json_t *cost_whose_json(const struct cost_change *change, enum cost_whose whose)
{
	return json_pack("{s:o, s:o}", "udp", cost_times_json(change->figures[whose][COST_UDP]),
		"api", cost_times_json(change->figures[whose][COST_API]));
}

json_t *cost_json(const struct cost *cost, const char *model)
{
	for (uint32_t i = 0; i < COST_KEPT; i++) {
		const struct cost_change *change = &cost->changes[i];

		if (strcmp(change->model, model) != 0)
			continue;
		return json_pack("{s:s, s:s, s:i, s:I, s:b, s:I, s:I, s:I, s:o, s:o}", "model",
			model, "what", change->what, "version", (int)change->version, "revision",
			(json_int_t)change->revision, "settled", (int)change->is_settled, "lost",
			(json_int_t)change->lost, "blocked_ns", (json_int_t)change->blocked_ns,
			"took_ns", (json_int_t)change->took_ns, "latency",
			cost_whose_json(change, COST_MODEL), "neighbours",
			cost_whose_json(change, COST_NEIGHBOURS));
	}
	return NULL;
}
