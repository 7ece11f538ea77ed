// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/report.h"

#include <errno.h>
#include <jansson.h>
#include <rte_cycles.h>

static const struct {
	const char *key, *text;
	double share;
} PERCENTILES[] = {
	{ "p50", "p50", 0.5 },
	{ "p90", "p90", 0.9 },
	{ "p99", "p99", 0.99 },
	{ "p999", "p99.9", 0.999 },
	{ "p9999", "p99.99", 0.9999 },
};
#define N_PERCENTILES (sizeof(PERCENTILES) / sizeof(PERCENTILES[0]))

static double report_seconds(const struct client *client)
{
	return (double)(client->end_cycles - client->begin_cycles) / (double)rte_get_tsc_hz();
}

static double report_milliseconds(const struct client *client, uint64_t cycles)
{
	return (double)client_ns(client, cycles) / 1e6;
}

static const char *report_status_name(uint32_t status)
{
	return status < WIRE_STATUS_COUNT ? wire_status_name(status) : "UNKNOWN";
}

// X(key, text): every counter that is not shown otherwise.
#define COUNTER_LIST(X)                                                                            \
	X(unsent, "due but never sent")                                                            \
	X(tx_full, "requests that waited for a full queue")                                        \
	X(late, "late replies")                                                                    \
	X(duplicates, "duplicate replies")                                                         \
	X(unknown, "replies nobody asked for")                                                     \
	X(bad_checksum, "replies with a bad checksum")                                             \
	X(malformed, "malformed replies")                                                          \
	X(wrong_fields, "replies with wrong fields")                                               \
	X(mismatches, "replies with unexpected scores")                                            \
	X(unexpected_version, "replies of a version without expectations")

static void report_text_times(const char *title, const struct histogram *h, FILE *out)
{
	if (!h->count)
		return;
	fprintf(out, "%s min %.2f", title, (double)h->min / 1e3);
	for (size_t i = 0; i < N_PERCENTILES; i++)
		fprintf(out, "  %s %.2f", PERCENTILES[i].text,
			(double)histogram_percentile(h, PERCENTILES[i].share) / 1e3);
	fprintf(out, "  max %.2f  mean %.2f us\n", (double)h->max / 1e3,
		(double)h->sum / (double)h->count / 1e3);
}

void report_text(const struct client *client, FILE *out)
{
	const struct client_counters *counters = &client->counters;
	const struct load_options *options = client->options;

	if (options->rate > 0)
		fprintf(out, "open loop, %.0f requests/s, %s arrivals, at most %u outstanding",
			options->rate,
			options->arrivals == ARRIVALS_POISSON ? "poisson" : "constant",
			options->in_flight);
	else
		fprintf(out, "closed loop, %u outstanding", options->window);
	fprintf(out, ", frames of %u bytes\n", frame_bytes(&client->templates[0]));
	fprintf(out, "sent %lu  answered %lu  lost %lu  in %.3f s: %.0f replies/s\n",
		counters->sent, counters->answered, counters->lost, report_seconds(client),
		(double)client->answered_in_time / report_seconds(client));
	for (uint32_t i = 0; i <= WIRE_STATUS_COUNT; i++)
		if (counters->status[i] && !options->echo)
			fprintf(out, "status %s: %lu\n", report_status_name(i),
				counters->status[i]);
	for (uint32_t i = 0; i < counters->n_versions; i++)
		fprintf(out, "scored by version %u: %lu\n", counters->versions[i].version,
			counters->versions[i].replies);
#define X(key, text)                                                                               \
	if (counters->key)                                                                         \
		fprintf(out, "%s: %lu\n", text, counters->key);
	COUNTER_LIST(X)
#undef X
	if (counters->stalls)
		fprintf(out, "kept from polling %lu times, %.2f ms in all, %.2f ms at most\n",
			counters->stalls, report_milliseconds(client, counters->stalled_cycles),
			report_milliseconds(client, counters->longest_stall_cycles));
	if (client->verifier.n_expected)
		fprintf(out, "largest difference from the expected scores: %.3g\n",
			client->verifier.max_difference);
	report_text_times("round trip ", &client->rtt_ns, out);
	report_text_times("in the peer", &client->server_ns, out);
	report_text_times("sent late by", &client->send_delay_ns, out);
}

static json_t *report_json_times(const struct histogram *h)
{
	json_t *times = json_pack("{s:I, s:I, s:I, s:f}", "count", (json_int_t)h->count, "min",
		(json_int_t)(h->count ? h->min : 0), "max", (json_int_t)h->max, "mean",
		h->count ? (double)h->sum / (double)h->count : 0.0);

	for (size_t i = 0; times && i < N_PERCENTILES; i++)
		json_object_set_new(times, PERCENTILES[i].key,
			json_integer((json_int_t)histogram_percentile(h, PERCENTILES[i].share)));
	return times;
}

static void report_json_counters(json_t *report, const struct client *client)
{
	const struct client_counters *counters = &client->counters;
	json_t *status = json_object(), *versions = json_object();

	for (uint32_t i = 0; i <= WIRE_STATUS_COUNT; i++)
		if (counters->status[i] && !client->options->echo)
			json_object_set_new(status, report_status_name(i),
				json_integer((json_int_t)counters->status[i]));
	for (uint32_t i = 0; i < counters->n_versions; i++) {
		char version[16];

		snprintf(version, sizeof(version), "%u", counters->versions[i].version);
		json_object_set_new(
			versions, version, json_integer((json_int_t)counters->versions[i].replies));
	}
	json_object_set_new(report, "status", status);
	json_object_set_new(report, "versions", versions);
#define X(key, text) json_object_set_new(report, #key, json_integer((json_int_t)counters->key));
	COUNTER_LIST(X)
#undef X
}

static json_t *report_json_stalls(const struct client *client)
{
	const struct client_counters *counters = &client->counters;

	return json_pack("{s:I, s:I, s:I}", "count", (json_int_t)counters->stalls, "total_ns",
		(json_int_t)client_ns(client, counters->stalled_cycles), "longest_ns",
		(json_int_t)client_ns(client, counters->longest_stall_cycles));
}

int report_json(const struct client *client, FILE *out, struct error *err)
{
	const struct client_counters *counters = &client->counters;
	const struct load_options *options = client->options;
	const double duration = report_seconds(client);
	json_t *report = json_pack("{s:s, s:I, s:f, s:I, s:I, s:f, s:I, s:I, s:I, s:f, s:f, s:I}",
		"loop", options->rate > 0 ? "open" : "closed", "window",
		(json_int_t)options->window, "rate", options->rate, "in_flight",
		(json_int_t)(options->rate > 0 ? options->in_flight : options->window),
		"frame_bytes", (json_int_t)frame_bytes(&client->templates[0]), "seconds", duration,
		"sent", (json_int_t)counters->sent, "answered", (json_int_t)counters->answered,
		"lost", (json_int_t)counters->lost, "replies_per_second",
		(double)client->answered_in_time / duration, "max_difference",
		client->verifier.max_difference, "rows_scored", (json_int_t)counters->rows_scored);

	if (!report)
		return error_set(err, -ENOMEM, "no memory for the report");
	report_json_counters(report, client);
	json_object_set_new(report, "rtt_ns", report_json_times(&client->rtt_ns));
	json_object_set_new(report, "server_ns", report_json_times(&client->server_ns));
	json_object_set_new(report, "send_delay_ns", report_json_times(&client->send_delay_ns));
	json_object_set_new(report, "stalls", report_json_stalls(client));
	json_dumpf(report, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(report);
	return 0;
}
