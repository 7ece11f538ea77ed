// SPDX-License-Identifier: BSD-3-Clause
// Gathers the figures that metrics.c writes as text.
#include "ctl/server/resources/metrics_get.h"

#include "base/version.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/http/http.h"
#include "ctl/server/resources/metrics.h"
#include "ctl/server/server_state.h"
#include "ctl/server/store/counters_file.h"

#include <event2/buffer.h>
#include <stdlib.h>

struct metrics_gathered {
	struct metrics_figures figures;
	struct lcore_info *lcores;
	struct port_info *ports;
	struct metrics_model *models;
	struct metrics_state *states;
	struct compare_figures *comparisons;
	struct histogram *latencies;
};

static void metrics_get_fini(struct metrics_gathered *g)
{
	for (uint32_t i = 0; g->models && i < g->figures.n_models; i++)
		for (int k = 0; k < METRICS_DRIFTS; k++)
			free(g->models[i].drifts[k].view);
	free(g->lcores);
	free(g->ports);
	free(g->models);
	free(g->states);
	free(g->comparisons);
	free(g->latencies);
}

static void metrics_get_drifts(
	struct server *server, const struct slot_info *slot, struct metrics_model *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < slot->n_versions && n < METRICS_DRIFTS; i++) {
		const struct slot_version *v = &slot->versions[i];

		if (v->role == ROUTE_LIVE || v->role == ROUTE_CANARY)
			m->drifts[n++] = (struct metrics_drift){ .role = route_role_name(v->role),
				.view = drift_look(server->drift, slot->id, v->version, v->model),
				.info = model_info(v->model) };
	}
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
			metrics_get_drifts(server, slot, m);
		}
		if (dataplane_latency(dp, m->id, &g->latencies[i]) == 0)
			m->latency = &g->latencies[i];
	}
}

static void metrics_get_states(struct server *server, struct metrics_gathered *g)
{
	struct metrics_figures *f = &g->figures;

	for (uint32_t i = 0; i < f->n_states; i++) {
		const struct model_entry *entry = server->models.entries[i];

		g->states[i].name = entry->name;
		g->states[i].state = entry->state;
		compare_rollbacks(server, entry, g->states[i].rollbacks);
		f->n_comparisons +=
			compare_look_at(server, entry, g->comparisons + f->n_comparisons);
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
	f->drift_columns = server->config->drift.metrics;
	f->n_states = server->models.n;
	f->states = g->states = calloc(f->n_states + 1, sizeof(*g->states));
	f->comparisons = g->comparisons = calloc(2 * f->n_states + 1, sizeof(*g->comparisons));
	if (!g->lcores || !g->ports || !g->models || !g->latencies || !g->states || !g->comparisons)
		return -ENOMEM;
	metrics_get_states(server, g);
	f->slots = server->slots;
	f->n_slots = n_slots;
	f->versions_retired = server->versions_retired;
	f->version = martlet_version;
	f->uptime_seconds = server_uptime_seconds(server);
	f->counters_failing = counters_file_is_failing(server->counters_file);
	f->ready = server_ready(server, why, sizeof(why));
	gate_figures(server->gate, &f->api);
	scoring_figures(server->scoring, &f->scoring);
	audit_figures(server->audit, &f->audit);
	dataplane_counters(dp, &f->sum);
	dataplane_mempool(dp, &f->mempool);
	for (uint32_t i = 0; i < f->n_lcores; i++)
		dataplane_lcore(dp, i, &g->lcores[i]);
	for (uint32_t i = 0; i < f->n_ports; i++)
		dataplane_port(dp, i, &g->ports[i]);
	metrics_get_models(server, g, n_slots);
	return 0;
}

static struct evbuffer *metrics_make(struct server *server)
{
	struct metrics_gathered g = { 0 };
	struct evbuffer *out = evbuffer_new();

	if (out && metrics_get_all(server, &g) == 0) {
		metrics_render(out, &g.figures);
	} else if (out) {
		evbuffer_free(out);
		out = NULL;
	}
	metrics_get_fini(&g);
	return out;
}

struct metrics_page {
	struct evbuffer *text;
	double made; // server_uptime_seconds()
};

void metrics_page_free(struct metrics_page *page)
{
	if (page)
		evbuffer_free(page->text);
	free(page);
}

// A page that is fresh, made anew where it was not. NULL without memory.
static const struct metrics_page *metrics_get_page(struct server *server)
{
	const double now = server_uptime_seconds(server);
	struct metrics_page *page = server->metrics_page;

	if (page && now - page->made < METRICS_FRESH_MS * 1e-3)
		return page;
	metrics_page_free(page); // answers that still send it hold it themselves
	page = server->metrics_page = calloc(1, sizeof(*page));
	if (page) {
		page->made = now;
		page->text = metrics_make(server);
	}
	if (page && !page->text) {
		free(page);
		page = server->metrics_page = NULL;
	}
	return page;
}

// A page as it is now, for the operator; over TCP, where anybody may ask as often as he likes, one that
// may be METRICS_FRESH_MS old.
void metrics_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct metrics_page *page;
	struct evbuffer *out;

	if (http_is_local(request)) {
		out = metrics_make(server);
	} else {
		page = metrics_get_page(server);
		out = page ? evbuffer_new() : NULL;
		if (out && evbuffer_add_buffer_reference(out, page->text) != 0) {
			evbuffer_free(out);
			out = NULL;
		}
	}
	if (out)
		http_send(request, 200, METRICS_CONTENT_TYPE, out);
	else
		http_fail(request, 500, "no memory for the metrics");
}
