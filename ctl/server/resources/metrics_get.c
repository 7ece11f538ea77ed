// SPDX-License-Identifier: BSD-3-Clause
// Gathers the figures that metrics.c writes as text.
#include "ctl/server/resources/metrics_get.h"

#include "base/version.h"
#include "ctl/server/http/http.h"
#include "ctl/server/resources/metrics.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <stdlib.h>

struct metrics_gathered {
	struct metrics_figures figures;
	struct lcore_info *lcores;
	struct port_info *ports;
	struct metrics_model *models;
	struct metrics_state *states;
	struct histogram *latencies;
};

static void metrics_get_fini(struct metrics_gathered *g)
{
	free(g->lcores);
	free(g->ports);
	free(g->models);
	free(g->states);
	free(g->latencies);
}

// The first is PING. No model can have its name, since a model's name begins with a letter or digit.
static void metrics_get_models(struct server *server, struct metrics_gathered *g, uint32_t n_slots)
{
	const struct dataplane *dp = server->dataplane;

	for (uint32_t i = 0; i <= n_slots; i++) {
		struct metrics_model *m = &g->models[i];

		if (i == 0) {
			m->name = "_ping";
		} else {
			const struct slot_info *slot = &server->slots[i - 1];

			*m = (struct metrics_model){ .id = slot->id,
				.version = slot->version,
				.name = slot->name,
				.requests = slot->requests,
				.rows = slot->rows,
				.not_finite = slot->not_finite,
				.refused = slot->refused };
		}
		if (dataplane_latency(dp, m->id, &g->latencies[i]) == 0)
			m->latency = &g->latencies[i];
	}
}

static int metrics_get_all(struct server *server, struct metrics_gathered *g)
{
	const struct dataplane *dp = server->dataplane;
	uint32_t n_slots = dataplane_slots(dp, server->slots, SERVER_SLOTS_MAX);
	struct metrics_figures *f = &g->figures;
	char why[SERVER_WHY_BYTES];

	if (n_slots > SERVER_SLOTS_MAX)
		n_slots = SERVER_SLOTS_MAX;
	f->n_lcores = dataplane_n_lcores(dp);
	f->n_ports = dataplane_n_ports(dp);
	f->n_models = n_slots + 1;
	f->lcores = g->lcores = calloc(f->n_lcores, sizeof(*g->lcores));
	f->ports = g->ports = calloc(f->n_ports, sizeof(*g->ports));
	f->models = g->models = calloc(f->n_models, sizeof(*g->models));
	g->latencies = calloc(f->n_models, sizeof(*g->latencies));
	f->n_states = server->models.n;
	f->states = g->states = calloc(f->n_states + 1, sizeof(*g->states));
	if (!g->lcores || !g->ports || !g->models || !g->latencies || !g->states)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n_states; i++)
		g->states[i] = (struct metrics_state){ server->models.entries[i]->name,
			server->models.entries[i]->state };
	f->version = martlet_version;
	f->uptime_seconds = server_uptime_seconds(server);
	f->ready = server_ready(server, why, sizeof(why));
	gate_figures(server->gate, &f->api);
	dataplane_counters(dp, &f->sum);
	dataplane_mempool(dp, &f->mempool);
	for (uint32_t i = 0; i < f->n_lcores; i++)
		dataplane_lcore(dp, i, &g->lcores[i]);
	for (uint32_t i = 0; i < f->n_ports; i++)
		dataplane_port(dp, i, &g->ports[i]);
	metrics_get_models(server, g, n_slots);
	return 0;
}

int metrics_write(struct server *server, struct evbuffer *out)
{
	struct metrics_gathered g = { 0 };
	int rc = metrics_get_all(server, &g);

	if (rc == 0)
		metrics_render(out, &g.figures);
	metrics_get_fini(&g);
	return rc;
}

void metrics_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	struct evbuffer *out = evbuffer_new();

	if (!out || metrics_write(server, out) != 0) {
		http_fail(request, 500, "no memory for the metrics");
		if (out)
			evbuffer_free(out);
	} else {
		http_send(request, 200, METRICS_CONTENT_TYPE, out);
	}
}
