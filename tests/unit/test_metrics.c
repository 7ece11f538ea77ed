// SPDX-License-Identifier: BSD-3-Clause
// /metrics by a parser of its own: HELP and TYPE before samples, each family in one piece, names,
// labels, buckets that only rise.
#include "ctl/server/resources/metrics.h"
#include "tests/cmocka.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct histogram latency;
static struct lcore_info lcores[2];
static struct port_info ports[1];
static struct metrics_model models[2];
static struct metrics_figures figures;
static const struct metrics_state states[2] = {
	{ .name = "lab", .state = MODEL_STATE_READY, .rollbacks[VERDICT_SLOW] = 2 },
	{ .name = "old", .state = MODEL_STATE_UNAVAILABLE }
};
static const struct compare_figures comparisons[1] = { { .model = "lab",
	.role = "canary",
	.compared = 20,
	.differ = 3,
	.share = { 0.125, 0.5 },
	.mean = { -INFINITY, INFINITY } } };
static uint64_t refused[WIRE_STATUS_COUNT];

static char *render(void)
{
	struct evbuffer *out = evbuffer_new();
	size_t size;
	char *text;

	histogram_reset(&latency);
	for (uint64_t ns = 100; ns < 1000000000; ns *= 3)
		histogram_record(&latency, ns);
	lcores[0].cpu = 3;
	lcores[0].role = LCORE_IO;
	lcores[0].counters.received = UINT64_MAX;
	lcores[1].cpu = 4;
	lcores[1].role = LCORE_WORKER;
	lcores[1].counters.busy_cycles = 1;
	lcores[1].counters.total_cycles = 4;
	lcores[1].busy_ns = 2500000000;
	refused[WIRE_STATUS_BAD_SHAPE] = 11;
	ports[0].name = "edge";
	models[0].name = "_ping";
	models[0].latency = &latency;
	models[1] = (struct metrics_model){ .id = 7,
		.version = 3,
		.name = "lab",
		.requests = 5,
		.rows = 6,
		.latency = &latency,
		.refused = refused };
	figures = (struct metrics_figures){ .version = "1.0\"\\\n",
		.uptime_seconds = 1.5,
		.ready = true,
		.counters_failing = true,
		.lcores = lcores,
		.n_lcores = 2,
		.ports = ports,
		.n_ports = 1,
		.models = models,
		.n_models = 2,
		.states = states,
		.n_states = 2,
		.comparisons = comparisons,
		.n_comparisons = 1,
		.audit = { .lines = 77,
			.written = 12,
			.written_bytes = 4000,
			.refused = 5,
			.omitted = 2,
			.written_at = 1795953600,
			.is_failing = true } };
	figures.sum.drops[DROP_BAD_MAGIC] = 9;
	metrics_render(out, &figures);
	size = evbuffer_get_length(out);
	text = calloc(1, size + 1);
	evbuffer_remove(out, text, size);
	evbuffer_free(out);
	return text;
}

// The length of a sample's name and labels; 0 if it is not well formed.
static size_t sample_head(const char *line)
{
	const char *c = line;

	while (isalnum((unsigned char)*c) || *c == '_')
		c++;
	if (c == line || *c != '{')
		return (size_t)(c - line);
	do {
		c++;
		while (islower((unsigned char)*c) || *c == '_')
			c++;
		if (*c++ != '=' || *c++ != '"')
			return 0;
		for (; *c && *c != '"'; c++)
			if (*c == '\\' && !strchr("\\\"n", *++c))
				return 0;
		if (!*c++)
			return 0;
	} while (*c == ',');
	return *c == '}' ? (size_t)(c + 1 - line) : 0;
}

static bool belongs(const char *line, const char *family, const char *type)
{
	size_t n = strlen(family);
	const char *suffix = line + n;

	if (strncmp(line, family, n) != 0)
		return false;
	if (strcmp(type, "histogram") == 0)
		return strncmp(suffix, "_bucket{", 8) == 0 || strncmp(suffix, "_sum{", 5) == 0 ||
			strncmp(suffix, "_count{", 7) == 0;
	return *suffix == '{' || *suffix == ' ';
}

static void render_is_well_formed(void **state)
{
	char *text = render(), *save;
	char help[96] = "", family[96] = "", type[16] = "", seen[16384] = "";
	int samples = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char key[100];
		size_t head;
		char *end;

		if (sscanf(line, "# HELP %95s", help) == 1) {
			snprintf(key, sizeof(key), " %s ", help);
			assert_null(strstr(seen, key)); // a family comes once
			strcat(seen, key);
			continue;
		}
		if (sscanf(line, "# TYPE %95s %15s", family, type) == 2) {
			assert_string_equal(family, help);
			assert_int_equal(strncmp(family, "martlet_", 8), 0);
			if (strcmp(type, "counter") == 0)
				assert_non_null(strstr(family, "_total"));
			continue;
		}
		head = sample_head(line);
		if (head == 0 || line[head] != ' ' || !belongs(line, family, type))
			fail_msg("malformed, or not of %s: %s", family, line);
		strtod(line + head + 1, &end);
		assert_true(end > line + head + 1 && *end == '\0');
		samples++;
	}
	assert_true(samples > 60);
	free(text);
}

static void render_escapes_and_keeps_values(void **state)
{
	char *text = render();

	assert_non_null(strstr(text, "martlet_build_info{version=\"1.0\\\"\\\\\\n\"} 1\n"));
	assert_non_null(strstr(text, "martlet_drops_total{reason=\"bad_magic\"} 9\n"));
	assert_non_null(strstr(text,
		"martlet_received_packets_total{cpu=\"3\",role=\"io\"} "
		"18446744073709551615\n"));
	assert_non_null(
		strstr(text, "martlet_lcore_busy_ratio{cpu=\"4\",role=\"worker\"} 0.250000\n"));
	assert_non_null(strstr(text, "martlet_model_live_version{model=\"lab\"} 3\n"));
	assert_null(strstr(text, "martlet_model_live_version{model=\"_ping\"}"));
	assert_non_null(strstr(
		text, "martlet_lcore_busy_seconds_total{cpu=\"4\",role=\"worker\"} 2.500000\n"));
	assert_non_null(
		strstr(text, "martlet_model_results_total{model=\"lab\",status=\"OK\"} 5\n"));
	assert_non_null(strstr(
		text, "martlet_model_results_total{model=\"lab\",status=\"BAD_SHAPE\"} 11\n"));
	assert_null(strstr(text, "martlet_model_results_total{model=\"_ping\""));
	assert_non_null(strstr(text, "martlet_model_state{model=\"lab\",state=\"READY\"} 1\n"));
	assert_non_null(strstr(text, "martlet_model_state{model=\"lab\",state=\"LOADING\"} 0\n"));
	assert_non_null(
		strstr(text, "martlet_model_state{model=\"old\",state=\"UNAVAILABLE\"} 1\n"));
	assert_non_null(strstr(text,
		"martlet_model_compare_differ_rows_total{model=\"lab\",role=\"canary\"} 3\n"));
	assert_non_null(strstr(text,
		"martlet_model_compare_differ_ratio{model=\"lab\",role=\"canary\",bound=\"high\"} "
		"0.5\n"));
	assert_null(strstr(text, "martlet_model_compare_difference{")); // nothing is known
	assert_non_null(strstr(
		text, "martlet_model_rollbacks_total{model=\"lab\",reason=\"latency\"} 2\n"));
	assert_non_null(strstr(text, "martlet_audit_lines_total 12\n"));
	assert_non_null(strstr(text, "martlet_audit_bytes_total 4000\n"));
	assert_non_null(strstr(text, "martlet_audit_refusals_total 5\n"));
	assert_non_null(strstr(text, "martlet_audit_omitted_total 2\n"));
	assert_non_null(strstr(text, "martlet_audit_last_line 77\n"));
	assert_non_null(strstr(text, "martlet_audit_last_write_timestamp_seconds 1795953600\n"));
	assert_non_null(strstr(text, "martlet_audit_failing 1\n"));
	assert_non_null(strstr(text, "martlet_key_counters_failing 1\n"));
	free(text);
}

static void render_buckets_rise_to_count(void **state)
{
	char *text = render();
	const char *at = text;
	unsigned long long before = 0, count = 0;
	int buckets = 0;
	double bound = 0;

	while ((at = strstr(at, "seconds_bucket{model=\"lab\",le=\""))) {
		unsigned long long now;
		double le;

		at += strlen("seconds_bucket{model=\"lab\",le=\"");
		le = strtod(at, NULL);
		assert_true(le > bound);
		bound = le;
		now = strtoull(strchr(at, ' '), NULL, 10);
		assert_true(now >= before);
		before = now;
		buckets++;
	}
	assert_true(buckets > 10);
	at = strstr(text, "martlet_request_duration_seconds_count{model=\"lab\"} ");
	assert_non_null(at);
	count = strtoull(strchr(at, ' '), NULL, 10);
	assert_int_equal(count, latency.count);
	assert_int_equal(before, count); // le="+Inf"
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(render_is_well_formed),
		cmocka_unit_test(render_escapes_and_keeps_values),
		cmocka_unit_test(render_buckets_rise_to_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
