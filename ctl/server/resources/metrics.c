// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/metrics.h"

#include "infer/infer.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

// Upper bounds of the latency buckets, ns: from under a memif round trip to a tenth of a second.
static const uint64_t LE_NS[] = { 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
	500000, 1000000, 2500000, 10000000, 100000000 };

static void metrics_family(
	struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(
		out, "# HELP martlet_%s %s\n# TYPE martlet_%s %s\n", name, help, name, type);
}

// Writes a label's value, escaped as the format wants it: a version string or a device's name may
// hold anything.
static void metrics_label(struct evbuffer *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			evbuffer_add(out, "\\", 1);
		if (*value == '\n')
			evbuffer_add(out, "\\n", 2);
		else
			evbuffer_add(out, value, 1);
	}
}

static void metrics_sample(
	struct evbuffer *out, const char *name, const char *key, const char *value, uint64_t count)
{
	evbuffer_add_printf(out, "martlet_%s", name);
	if (key && value) {
		evbuffer_add_printf(out, "{%s=\"", key);
		metrics_label(out, value);
		evbuffer_add_printf(out, "\"}");
	}
	evbuffer_add_printf(out, " %llu\n", (unsigned long long)count);
}

// A family of one sample.
struct metrics_one {
	const char *name, *type, *help;
	uint64_t value;
};

static void metrics_ones(struct evbuffer *out, const struct metrics_one *ones, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		metrics_family(out, ones[i].name, ones[i].type, ones[i].help);
		metrics_sample(out, ones[i].name, NULL, NULL, ones[i].value);
	}
}

static void metrics_process(struct evbuffer *out, const struct metrics_figures *f)
{
	metrics_family(out, "build_info", "gauge", "Always 1; the label is the version.");
	metrics_sample(out, "build_info", "version", f->version, 1);
	metrics_family(out, "uptime_seconds", "gauge", "Seconds since martletd started.");
	evbuffer_add_printf(out, "martlet_uptime_seconds %.3f\n", f->uptime_seconds);
	metrics_family(out, "ready", "gauge",
		"1 while requests are scored, 0 while starting or draining, and while too few "
		"ports are without trouble (control.ready_ports).");
	metrics_sample(out, "ready", NULL, NULL, f->ready);
	metrics_family(out, "mempool_size", "gauge", "Packet buffers there are.");
	metrics_sample(out, "mempool_size", NULL, NULL, f->mempool.size);
	metrics_family(out, "mempool_in_use", "gauge",
		"Packet buffers taken, queues of devices included.");
	metrics_sample(out, "mempool_in_use", NULL, NULL, f->mempool.in_use);
}

static void metrics_api(struct evbuffer *out, const struct gate_figures *api)
{
	const struct metrics_one families[] = {
		{ "api_connections", "gauge", "Connections to the API that are open.",
			api->connections },
		{ "api_connections_max", "gauge", "As many may be (control.connections).",
			api->connections_max },
		{ "api_connections_total", "counter", "Connections accepted.", api->accepted },
		{ "api_connections_closed_silent_total", "counter",
			"Silent or slow connections closed to let others in.",
			api->refused[REFUSAL_SILENT] },
		{ "api_accept_pauses_total", "counter",
			"Times that accepting paused for want of descriptors or connections.",
			api->pauses },
		{ "api_body_bytes", "gauge", "Memory held by requests under way and their answers.",
			api->body_bytes },
		{ "api_body_bytes_max", "gauge", "As much may be (control.upload_megabytes).",
			api->body_bytes_max },
		{ "api_bodies_refused_total", "counter", "Requests refused for want of it.",
			api->refused[REFUSAL_BODIES_FULL] },
	};

	metrics_ones(out, families, N(families));
	metrics_family(out, "api_refusals_total", "counter",
		"What HTTP itself refused, and connections that it closed, by reason.");
	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		metrics_sample(
			out, "api_refusals_total", "reason", refusal_name(i), api->refused[i]);
}

static void metrics_scoring(struct evbuffer *out, const struct scoring_figures *s)
{
	const struct metrics_one families[] = {
		{ "api_scoring_threads", "gauge", "Threads that score what comes by the API.",
			s->threads },
		{ "api_scoring_waiting", "gauge", "Requests that wait for one of them.",
			s->waiting },
		{ "api_scoring_queue", "gauge", "As many may wait (scoring.queue).", s->queue },
		{ "api_scored_total", "counter", "Requests of the API that were scored.",
			s->scored },
		{ "api_score_busy_total", "counter", "Those refused as too many waited.", s->busy },
		{ "api_score_expired_total", "counter",
			"Those whose timeout was over before they were scored.", s->expired },
		{ "api_score_cancelled_total", "counter",
			"Those whose client gave them up before they were scored.", s->cancelled },
		{ "api_score_failed_total", "counter", "Those refused for what is in them.",
			s->failed },
	};

	metrics_ones(out, families, N(families));
}

static void metrics_audit(struct evbuffer *out, const struct audit_figures *a)
{
	const struct metrics_one families[] = {
		{ "audit_lines_total", "counter", "Lines of the audit log written since the start.",
			a->written },
		{ "audit_bytes_total", "counter", "Their bytes.", a->written_bytes },
		{ "audit_refusals_total", "counter",
			"Requests refused that the audit log wrote down or counted.", a->refused },
		{ "audit_omitted_total", "counter",
			"Refusals that were counted only, and lines lost while the disk failed.",
			a->omitted },
		{ "audit_last_line", "gauge", "The number of the last line that is durable.",
			a->lines },
		{ "audit_last_write_timestamp_seconds", "gauge",
			"When that became durable, since 1970; 0: before the start.",
			(uint64_t)a->written_at },
		{ "audit_failing", "gauge",
			"1 while the audit log cannot be written, and changes are refused.",
			a->is_failing },
	};

	metrics_ones(out, families, N(families));
}

static void metrics_totals(struct evbuffer *out, const struct metrics_figures *f)
{
	const struct dataplane_counters *c = &f->sum;
	const struct metrics_one families[] = {
		{ "pongs_total", "counter", "PINGs answered.", c->pongs },
		{ "neighbour_replies_total", "counter", "ARP and neighbour solicitations answered.",
			c->neighbour_replies },
		{ "icmp_replies_total", "counter", "ICMP and ICMPv6 echo requests answered.",
			c->icmp_replies },
		{ "icmp_errors_total", "counter",
			"ICMP and ICMPv6 port unreachable, fragmentation needed, packet too big "
			"sent.",
			c->icmp_errors },
		{ "mld_reports_total", "counter", "MLD reports sent in answer to queries.",
			c->mld_reports },
		{ "announced_total", "counter",
			"Frames sent unasked: address probes, announcements, MLD reports.",
			c->announced },
		{ "announced_unsent_total", "counter", "Such frames that the device did not take.",
			c->announced_unsent },
		{ "key_counters_failing", "gauge",
			"1 while the newest counters of keys cannot be kept for the next start.",
			f->counters_failing },
	};

	metrics_family(
		out, "results_total", "counter", "Requests answered, by the reply's status.");
	for (unsigned i = 0; i < WIRE_STATUS_COUNT; i++)
		metrics_sample(out, "results_total", "status", wire_status_name(i), c->status[i]);
	metrics_ones(out, families, N(families));
	metrics_family(out, "clients_refused_total", "counter",
		"Requests answered BUSY because their client was over its limit, by which.");
	metrics_sample(out, "clients_refused_total", "limit", "rate", c->over_rate);
	metrics_sample(out, "clients_refused_total", "limit", "share", c->over_share);
	metrics_family(out, "drops_total", "counter", "Packets that got no reply, by reason.");
	for (unsigned i = 0; i < DROP_COUNT; i++)
		metrics_sample(out, "drops_total", "reason", drop_name(i), c->drops[i]);
}

// A metric of which each lcore or port has one value, and the offset of that value in its struct.
struct column {
	const char *name, *help;
	size_t offset;
};

static uint64_t metrics_figure(const void *base, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

static void metrics_lcores(struct evbuffer *out, const struct metrics_figures *f)
{
#define AT(field) offsetof(struct dataplane_counters, field)
	static const struct column COLUMNS[] = {
		{ "received_packets_total", "Packets received.", AT(received) },
		{ "received_bytes_total", "Bytes received.", AT(received_bytes) },
		{ "replied_packets_total", "Replies handed to the device.", AT(replied) },
		{ "replied_bytes_total", "Bytes of these replies.", AT(replied_bytes) },
		{ "rows_scored_total", "Rows scored.", AT(rows_scored) },
		{ "bursts_total", "Bursts that held at least one packet.", AT(bursts) },
		{ "sleeps_total", "Micro-sleeps when nothing arrived.", AT(sleeps) },
		{ "ring_full_total", "Requests answered BUSY because a ring was full.",
			AT(ring_full) },
	};
#undef AT
	char cpu[16];

	for (size_t k = 0; k < N(COLUMNS); k++) {
		metrics_family(out, COLUMNS[k].name, "counter", COLUMNS[k].help);
		for (uint32_t i = 0; i < f->n_lcores; i++) {
			snprintf(cpu, sizeof(cpu), "%u", f->lcores[i].cpu);
			evbuffer_add_printf(out, "martlet_%s{cpu=\"%s\",role=\"%s\"} %llu\n",
				COLUMNS[k].name, cpu, lcore_role_name(f->lcores[i].role),
				(unsigned long long)metrics_figure(
					&f->lcores[i].counters, COLUMNS[k].offset));
		}
	}
	metrics_family(out, "lcore_busy_seconds_total", "counter", "Seconds with work to do.");
	for (uint32_t i = 0; i < f->n_lcores; i++)
		evbuffer_add_printf(out,
			"martlet_lcore_busy_seconds_total{cpu=\"%u\",role=\"%s\"} %.6f\n",
			f->lcores[i].cpu, lcore_role_name(f->lcores[i].role),
			(double)f->lcores[i].busy_ns * 1e-9);
	metrics_family(out, "lcore_busy_ratio", "gauge",
		"Share of the time since the start with work to do.");
	for (uint32_t i = 0; i < f->n_lcores; i++) {
		const struct dataplane_counters *c = &f->lcores[i].counters;

		evbuffer_add_printf(out, "martlet_lcore_busy_ratio{cpu=\"%u\",role=\"%s\"} %.6f\n",
			f->lcores[i].cpu, lcore_role_name(f->lcores[i].role),
			c->total_cycles ? (double)c->busy_cycles / (double)c->total_cycles : 0.0);
	}
}

static void metrics_ports(struct evbuffer *out, const struct metrics_figures *f)
{
#define AT(field) offsetof(struct port_info, field)
	static const struct column COLUMNS[] = {
		{ "port_rx_packets_total", "Packets the device received.", AT(traffic.rx_packets) },
		{ "port_rx_bytes_total", "Bytes the device received.", AT(traffic.rx_bytes) },
		{ "port_tx_packets_total", "Packets the device sent.", AT(traffic.tx_packets) },
		{ "port_tx_bytes_total", "Bytes the device sent.", AT(traffic.tx_bytes) },
		{ "port_drops_total", "Packets that came in by the port and were dropped.",
			AT(traffic.drops) },
		{ "port_rx_missed_total", "Packets lost because queues were full.", AT(rx_missed) },
		{ "port_rx_errors_total", "Packets the device found broken.", AT(rx_errors) },
		{ "port_tx_errors_total", "Packets the device could not send.", AT(tx_errors) },
		{ "port_rx_nombuf_total", "Packets lost for want of buffers.", AT(rx_nombuf) },
		{ "port_peers_turned_away_total", "Peers of memif turned away; the log says why.",
			AT(peers_turned_away) },
		{ "port_unfinished_checksums_total",
			"Packets dropped as bad_l4_checksum whose sender left it to offload.",
			AT(traffic.unfinished_checksums) },
		{ "port_address_conflicts_total",
			"Packets by which other hosts claimed our addresses.",
			AT(address_conflicts) },
		{ "port_address_defences_total", "Defences sent against them.",
			AT(address_defences) },
	};
#undef AT

	for (size_t k = 0; k < N(COLUMNS); k++) {
		metrics_family(out, COLUMNS[k].name, "counter", COLUMNS[k].help);
		for (uint32_t i = 0; i < f->n_ports; i++)
			metrics_sample(out, COLUMNS[k].name, "port", f->ports[i].name,
				metrics_figure(&f->ports[i], COLUMNS[k].offset));
	}
	metrics_family(out, "port_up", "gauge", "1 while the link is up.");
	for (uint32_t i = 0; i < f->n_ports; i++)
		metrics_sample(out, "port_up", "port", f->ports[i].name, f->ports[i].link_up);
	metrics_family(out, "port_trouble", "gauge",
		"1 while something is wrong with the port: martletctl status says what.");
	for (uint32_t i = 0; i < f->n_ports; i++)
		metrics_sample(out, "port_trouble", "port", f->ports[i].name,
			f->ports[i].trouble[0] != '\0');
}

static void metrics_latency(struct evbuffer *out, const struct metrics_model *m)
{
	const struct histogram *h = m->latency;
	uint64_t below = 0;
	uint32_t bucket = 0;

	for (size_t i = 0; i < N(LE_NS); i++) {
		// A bucket of the histogram is 3 % wide: one that reaches beyond the bound is
		// counted above it.
		for (; bucket < HISTOGRAM_BUCKETS && histogram_bucket_top(bucket) <= LE_NS[i];
			bucket++)
			below += h->buckets[bucket];
		evbuffer_add_printf(out,
			"martlet_request_duration_seconds_bucket{model=\"%s\",le=\"%g\"} %llu\n",
			m->name, (double)LE_NS[i] * 1e-9, (unsigned long long)below);
	}
	for (; bucket < HISTOGRAM_BUCKETS; bucket++)
		below += h->buckets[bucket];
	// "+Inf" and the count must be equal, and an lcore may be counting meanwhile: both are this
	// sum, and not the histogram's own count.
	evbuffer_add_printf(out,
		"martlet_request_duration_seconds_bucket{model=\"%s\",le=\"+Inf\"} %llu\n"
		"martlet_request_duration_seconds_sum{model=\"%s\"} %.9f\n"
		"martlet_request_duration_seconds_count{model=\"%s\"} %llu\n",
		m->name, (unsigned long long)below, m->name, (double)h->sum * 1e-9, m->name,
		(unsigned long long)below);
}

// One of a model's states is 1, the others are 0: so a rule can ask for one without knowing the others.
static void metrics_states(struct evbuffer *out, const struct metrics_figures *f)
{
	metrics_family(out, "model_state", "gauge",
		"1 for the state that a model is in, 0 for the others.");
	for (uint32_t i = 0; i < f->n_states; i++)
		for (int k = 0; k < MODEL_STATES; k++)
			evbuffer_add_printf(out,
				"martlet_model_state{model=\"%s\",state=\"%s\"} %d\n",
				f->states[i].name, model_state_name(k),
				f->states[i].state == (enum model_state)k);
}

static void metrics_results(struct evbuffer *out, const struct metrics_figures *f)
{
	metrics_family(out, "model_results_total", "counter",
		"Requests answered, by the model that they asked for and the reply's status.");
	for (uint32_t i = 0; i < f->n_models; i++)
		for (unsigned k = 0; f->models[i].id && k < WIRE_STATUS_COUNT; k++)
			evbuffer_add_printf(out,
				"martlet_model_results_total{model=\"%s\",status=\"%s\"} %llu\n",
				f->models[i].name, wire_status_name(k),
				(unsigned long long)(k == WIRE_STATUS_OK
						? f->models[i].requests
						: f->models[i].refused[k]));
}

static void metrics_models(struct evbuffer *out, const struct metrics_figures *f)
{
	metrics_states(out, f);
	metrics_results(out, f);
	metrics_family(out, "model_live_version", "gauge", "The version of each model in service.");
	for (uint32_t i = 0; i < f->n_models; i++)
		if (f->models[i].id)
			metrics_sample(out, "model_live_version", "model", f->models[i].name,
				f->models[i].version);
	metrics_family(out, "model_requests_total", "counter", "Requests scored, by model.");
	for (uint32_t i = 0; i < f->n_models; i++)
		if (f->models[i].id)
			metrics_sample(out, "model_requests_total", "model", f->models[i].name,
				f->models[i].requests);
	metrics_family(out, "model_rows_total", "counter", "Rows scored, by model.");
	for (uint32_t i = 0; i < f->n_models; i++)
		if (f->models[i].id)
			metrics_sample(out, "model_rows_total", "model", f->models[i].name,
				f->models[i].rows);
	metrics_family(out, "model_rows_not_finite_total", "counter",
		"Rows with a score that is NaN or infinite, by model.");
	for (uint32_t i = 0; i < f->n_models; i++)
		if (f->models[i].id)
			metrics_sample(out, "model_rows_not_finite_total", "model",
				f->models[i].name, f->models[i].not_finite);
	metrics_family(out, "request_duration_seconds", "histogram",
		"Arrival (rx burst) to transmit (tx burst), by model; \"_ping\" is PING.");
	for (uint32_t i = 0; i < f->n_models; i++)
		if (f->models[i].latency)
			metrics_latency(out, &f->models[i]);
}

static bool metrics_is_larger(const struct drift_view *view, uint32_t a, uint32_t b)
{
	return view->columns[a].psi > view->columns[b].psi ||
		(a < b && view->columns[a].psi == view->columns[b].psi);
}

// The column of [first, end) that moved most of those that moved less than `before`; `end`: there is none.
static uint32_t metrics_next_column(
	const struct drift_view *view, uint32_t first, uint32_t end, uint32_t before)
{
	uint32_t next = end;

	for (uint32_t c = first; c < end; c++)
		if ((before == end || metrics_is_larger(view, before, c)) &&
			(next == end || metrics_is_larger(view, c, next)))
			next = c;
	return next;
}

static void metrics_drift_columns(struct evbuffer *out, const struct metrics_model *m,
	const struct metrics_drift *drift, bool is_score, uint32_t most)
{
	const uint32_t first = is_score ? drift->info->n_features : 0;
	const uint32_t end = is_score ? drift->view->n_columns : drift->info->n_features;
	const char *const *names =
		is_score ? drift->info->output_names : drift->info->feature_names;
	uint32_t column = end;

	for (uint32_t i = 0; i < most; i++) {
		column = metrics_next_column(drift->view, first, end, column);
		if (column == end)
			return;
		evbuffer_add_printf(out, "martlet_model_drift_%spsi{model=\"%s\",role=\"%s\",%s=\"",
			is_score ? "score_" : "", m->name, drift->role,
			is_score ? "output" : "feature");
		metrics_label(out, names[column - first]);
		evbuffer_add_printf(out, "\"} %.6g\n", drift->view->columns[column].psi);
	}
}

static void metrics_drift_family(
	struct evbuffer *out, const struct metrics_figures *f, bool is_score)
{
	for (uint32_t i = 0; i < f->n_models; i++)
		for (int k = 0; k < METRICS_DRIFTS; k++)
			if (f->models[i].drifts[k].view)
				metrics_drift_columns(out, &f->models[i], &f->models[i].drifts[k],
					is_score, f->drift_columns);
}

static void metrics_drift(struct evbuffer *out, const struct metrics_figures *f)
{
	metrics_family(out, "model_drift_rows", "gauge",
		"Rows of the window that are compared with the model's reference, by the version's "
		"role.");
	for (uint32_t i = 0; i < f->n_models; i++)
		for (int k = 0; k < METRICS_DRIFTS; k++)
			if (f->models[i].drifts[k].view)
				evbuffer_add_printf(out,
					"martlet_model_drift_rows{model=\"%s\",role=\"%s\"} "
					"%" PRIu64 "\n",
					f->models[i].name, f->models[i].drifts[k].role,
					f->models[i].drifts[k].view->n_live);
	metrics_family(out, "model_drift_psi", "gauge",
		"Population stability index of the features that moved most (drift.metrics).");
	metrics_drift_family(out, f, false);
	metrics_family(out, "model_drift_score_psi", "gauge",
		"Population stability index of the scores that moved most (drift.metrics).");
	metrics_drift_family(out, f, true);
}

static void metrics_comparison(struct evbuffer *out, const struct compare_figures *c,
	const char *name, const char *bound, double value)
{
	if (isfinite(value))
		evbuffer_add_printf(out, "martlet_%s{model=\"%s\",role=\"%s\",bound=\"%s\"} %.6g\n",
			name, c->model, c->role, bound, value);
}

static void metrics_intervals(struct evbuffer *out, const struct metrics_figures *f)
{
	metrics_family(out, "model_compare_differ_ratio", "gauge",
		"Ends of the interval that the share of rows lies in which a canary or shadow "
		"decides otherwise than live; true at all times at once.");
	for (uint32_t i = 0; i < f->n_comparisons; i++) {
		const struct compare_figures *c = &f->comparisons[i];

		metrics_comparison(out, c, "model_compare_differ_ratio", "low", c->share.low);
		metrics_comparison(out, c, "model_compare_differ_ratio", "high", c->share.high);
	}
	metrics_family(out, "model_compare_difference", "gauge",
		"Likewise of the mean of the largest difference of a row's scores; none before 30 "
		"rows.");
	for (uint32_t i = 0; i < f->n_comparisons; i++) {
		const struct compare_figures *c = &f->comparisons[i];

		metrics_comparison(out, c, "model_compare_difference", "low", c->mean.low);
		metrics_comparison(out, c, "model_compare_difference", "high", c->mean.high);
	}
}

// Counters begin anew with each comparison.
static void metrics_comparisons(struct evbuffer *out, const struct metrics_figures *f)
{
#define AT(field) offsetof(struct compare_figures, field)
	static const struct column COLUMNS[] = {
		{ "model_compare_seen_rows_total",
			"Rows answered while a canary or shadow is compared with live.", AT(rows) },
		{ "model_compare_rows_total", "Of them, rows that both versions have scored.",
			AT(compared) },
		{ "model_compare_shed_rows_total",
			"Rows that should have been, and were passed over for load.", AT(shed) },
		{ "model_compare_differ_rows_total",
			"Rows compared whose decision differs from live's.", AT(differ) },
		{ "model_compare_not_finite_rows_total",
			"Rows compared of which one version only has finite scores.",
			AT(not_finite) },
	};
#undef AT

	for (size_t k = 0; k < N(COLUMNS); k++) {
		metrics_family(out, COLUMNS[k].name, "counter", COLUMNS[k].help);
		for (uint32_t i = 0; i < f->n_comparisons; i++)
			evbuffer_add_printf(out,
				"martlet_%s{model=\"%s\",role=\"%s\"} %" PRIu64 "\n",
				COLUMNS[k].name, f->comparisons[i].model, f->comparisons[i].role,
				metrics_figure(&f->comparisons[i], COLUMNS[k].offset));
	}
	metrics_intervals(out, f);
	metrics_family(out, "model_rollbacks_total", "counter",
		"Canaries rolled back by themselves, by the bound that they broke.");
	for (uint32_t i = 0; i < f->n_states; i++)
		for (int r = 0; r < VERDICT_REASONS; r++)
			evbuffer_add_printf(out,
				"martlet_model_rollbacks_total{model=\"%s\",reason=\"%s\"} "
				"%" PRIu64 "\n",
				f->states[i].name, verdict_reason_name((enum verdict_reason)r),
				f->states[i].rollbacks[r]);
}

// Of versions in service, a few of each model. They begin anew when a version comes into service again.
static void metrics_versions(struct evbuffer *out, const struct metrics_figures *f)
{
	const struct metrics_one families[] = {
		{ "versions_retired_total", "counter",
			"Stored versions that store.retention removed.", f->versions_retired },
	};

	metrics_ones(out, families, N(families));
	metrics_family(out, "model_version_requests_total", "counter",
		"Requests scored by each version in service, by its role.");
	for (uint32_t i = 0; i < f->n_slots; i++)
		for (uint32_t k = 0; k < f->slots[i].n_versions; k++) {
			const struct slot_version *v = &f->slots[i].versions[k];

			evbuffer_add_printf(out,
				"martlet_model_version_requests_total{model=\"%s\",version=\"%u\","
				"role=\"%s\"} %" PRIu64 "\n",
				f->slots[i].name, v->version, route_role_name(v->role),
				v->requests);
		}
}

void metrics_render(struct evbuffer *out, const struct metrics_figures *figures)
{
	metrics_process(out, figures);
	metrics_api(out, &figures->api);
	metrics_scoring(out, &figures->scoring);
	metrics_audit(out, &figures->audit);
	metrics_totals(out, figures);
	metrics_lcores(out, figures);
	metrics_ports(out, figures);
	metrics_models(out, figures);
	metrics_drift(out, figures);
	metrics_comparisons(out, figures);
	metrics_versions(out, figures);
}
