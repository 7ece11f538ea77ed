// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/counters.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

// A command that takes nothing and shows the answer to one GET.
static int counters_show(const struct command *command, char **argv, const char *path,
	void (*print)(const json_t *answer))
{
	int exit;

	return command_parse(command, argv, NULL, &exit) ? api_show(path, print) : exit;
}

// --- stats ---------------------------------------------------------------------------------------

// Adds a counter's line: its total, then its count on each lcore. `group`: "drops" for
// drops.bad_magic; NULL for a counter of its own.
static void stats_add_counter(
	struct table *table, const json_t *answer, const char *group, const char *key)
{
	const json_t *lcores = json_object_get(answer, "lcores");
	const json_t *total = json_object_get(answer, "counters");
	json_t *lcore;
	size_t i;

	table_add(table, "%s%s%s", group ? group : "", group ? "." : "", key);
	total = group ? json_object_get(total, group) : total;
	table_add(table, "%s", format_count(api_count(total, key)).s);
	json_array_foreach (lcores, i, lcore) {
		const json_t *counters = json_object_get(lcore, "counters");

		if (i == 14)
			break;
		counters = group ? json_object_get(counters, group) : counters;
		table_add(table, "%s", format_count(api_count(counters, key)).s);
	}
}

// Adds a line for each counter of a group (statuses, drops) that is not zero.
static void stats_add_group(
	struct table *table, const json_t *answer, const char *group, json_t *members)
{
	const char *key;
	json_t *value;

	json_object_foreach (members, key, value)
		if (json_number_value(value) != 0)
			stats_add_counter(table, answer, group, key);
}

// A rate, or "-" where there is no such figure of a port or a model.
static void stats_add_rate(struct table *table, const json_t *rates, const char *key, bool bytes)
{
	const json_t *rate = json_object_get(rates, key);
	const double value = json_number_value(rate);

	if (!rate)
		table_add(table, "-");
	else if (bytes)
		table_add(table, "%s", format_bytes((uint64_t)(value + 0.5)).s);
	else if (value > 0 && value < 10)
		table_add(table, "%.2f", value);
	else
		table_add(table, "%s", format_count((uint64_t)(value + 0.5)).s);
}

static void stats_add_rates(
	struct table *table, const char *kind, const char *name, const json_t *rates)
{
	static const char *const KEYS[] = { "received", "replied", "requests", "rows", "refused",
		"drops", "received_bytes", "replied_bytes" };

	table_add(table, "%s%s%s", kind, *name ? " " : "", name);
	for (size_t k = 0; k < sizeof(KEYS) / sizeof(KEYS[0]); k++)
		stats_add_rate(table, rates, KEYS[k], k >= 6);
}

static void stats_print_rates(const json_t *answer, const char *which)
{
	const json_t *rates = json_object_get(json_object_get(answer, "rates"), which);
	const double seconds = json_number_value(json_object_get(rates, "seconds"));
	struct table table;
	json_t *of;
	size_t i;

	if (!rates)
		return;
	printf("\na second, over the last %.1f s\n", seconds);
	TABLE_INIT(&table, "OF", ">RECEIVED", ">REPLIED", ">REQUESTS", ">ROWS", ">REFUSED",
		">DROPS", ">BYTES IN", ">BYTES OUT");
	stats_add_rates(&table, "all", "", json_object_get(rates, "total"));
	json_array_foreach (json_object_get(rates, "ports"), i, of)
		stats_add_rates(&table, "port", api_text(of, "name"), of);
	json_array_foreach (json_object_get(rates, "models"), i, of)
		stats_add_rates(&table, "model", api_text(of, "name"), of);
	table_print(&table, stdout, 0);
}

static void stats_print_since(const json_t *since)
{
	if (json_is_object(since))
		printf("counted since %s, when %s reset them\n", api_text(since, "time"),
			api_text(since, "by"));
	else
		printf("counted since the start\n");
}

static void stats_print(const json_t *answer)
{
	static char headers[16][32] = { "COUNTER", ">TOTAL" };
	const char *header[16] = { headers[0], headers[1] };
	struct table table;
	uint32_t n = 2;
	json_t *value;
	const char *key;
	size_t i;

	json_array_foreach (json_object_get(answer, "lcores"), i, value) {
		if (n == 16) // as many as fit a screen; --json has all
			break;
		snprintf(headers[n], sizeof(headers[n]), ">CPU %ju %.18s",
			(uintmax_t)api_count(value, "cpu"), api_text(value, "role"));
		header[n] = headers[n];
		n++;
	}
	table_init(&table, header, n);
	json_object_foreach (json_object_get(answer, "counters"), key, value) {
		if (json_is_object(value))
			stats_add_group(&table, answer, key, value);
		else if (json_is_number(value))
			stats_add_counter(&table, answer, NULL, key);
	}
	stats_print_since(json_object_get(answer, "since"));
	table_print(&table, stdout, 0);
	stats_print_rates(answer, "second");
	stats_print_rates(answer, "minute");
}

static int stats_run(const struct command *command, char **argv)
{
	return counters_show(command, argv, "/v1/stats", stats_print);
}

const struct command stats_command = {
	.words = "stats",
	.summary = "every counter, in total and by lcore; rates by port and model",
	.run = stats_run,
};

static int stats_reset_run(const struct command *command, char **argv)
{
	struct api_reply reply;
	int exit;

	if (!command_parse(command, argv, NULL, &exit))
		return exit;
	if (!api_call("POST", "/v1/stats/reset", NULL, &reply))
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		printf("stats count from %s on; metrics and totals go on\n",
			api_text(json_object_get(reply.json, "since"), "time"));
	api_reply_fini(&reply);
	return TOOL_DONE;
}

const struct command stats_reset_command = {
	.words = "stats reset",
	.summary = "let stats count from now on; the counters themselves stay",
	.run = stats_reset_run,
};

// --- drops ---------------------------------------------------------------------------------------

static void drops_print(const json_t *answer)
{
	struct table table;
	uint64_t total = 0;
	json_t *drop;
	size_t i;

	TABLE_INIT(&table, "DROP", ">PACKETS", "MEANING");
	json_array_foreach (json_object_get(answer, "drops"), i, drop) {
		table_add(&table, "%s", api_text(drop, "name"));
		table_add(&table, "%s", format_count(api_count(drop, "count")).s);
		table_add(&table, "%s", api_text(drop, "text"));
		total += api_count(drop, "count");
	}
	table_add(&table, "total");
	table_add(&table, "%s", format_count(total).s);
	table_add(&table, " ");
	table_print(&table, stdout, 0);
}

static int drops_run(const struct command *command, char **argv)
{
	return counters_show(command, argv, "/v1/drops", drops_print);
}

const struct command drops_command = {
	.words = "drops",
	.summary = "packets dropped, by reason",
	.run = drops_run,
};

// --- lcores --------------------------------------------------------------------------------------

void lcores_print_table(const json_t *lcores)
{
	struct table table;
	json_t *lcore;
	size_t i;

	TABLE_INIT(&table, ">CPU", "ROLE", ">BUSY", ">RECEIVED", ">REPLIED", ">ROWS SCORED",
		">BURSTS", ">SLEEPS", ">RING FULL");
	json_array_foreach (lcores, i, lcore) {
		table_add(&table, "%ju", (uintmax_t)api_count(lcore, "cpu"));
		table_add(&table, "%s", api_text(lcore, "role"));
		table_add(&table, "%s",
			format_share(json_number_value(json_object_get(lcore, "busy_share"))).s);
		table_add(&table, "%s", format_count(api_count(lcore, "received")).s);
		table_add(&table, "%s", format_count(api_count(lcore, "replied")).s);
		table_add(&table, "%s", format_count(api_count(lcore, "rows_scored")).s);
		table_add(&table, "%s", format_count(api_count(lcore, "bursts")).s);
		table_add(&table, "%s", format_count(api_count(lcore, "sleeps")).s);
		table_add(&table, "%s", format_count(api_count(lcore, "ring_full")).s);
	}
	table_print(&table, stdout, 0);
}

static void lcores_print(const json_t *answer)
{
	lcores_print_table(json_object_get(answer, "lcores"));
}

static int lcores_run(const struct command *command, char **argv)
{
	return counters_show(command, argv, "/v1/lcores", lcores_print);
}

const struct command lcores_command = {
	.words = "lcores",
	.summary = "lcores: role, how busy, what they did",
	.run = lcores_run,
};

// --- latency -------------------------------------------------------------------------------------

static void latency_print(const json_t *answer)
{
	static const char *const keys[] = { "min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns",
		"p9999_ns", "max_ns", "mean_ns" };
	struct table table;
	json_t *model;
	size_t i;

	TABLE_INIT(&table, ">ID", "MODEL", "VIA", ">COUNT", ">MIN", ">P50", ">P90", ">P99",
		">P99.9", ">P99.99", ">MAX", ">MEAN");
	json_array_foreach (json_object_get(answer, "models"), i, model) {
		bool any = api_count(model, "count");

		table_add(&table, "%ju", (uintmax_t)api_count(model, "id"));
		table_add(&table, "%s", api_text(model, "name"));
		table_add(&table, "%s", api_text(model, "via"));
		table_add(&table, "%s", format_count(api_count(model, "count")).s);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			double ns = json_number_value(json_object_get(model, keys[k]));

			table_add(&table, "%s", any ? format_ns(ns).s : "-");
		}
	}
	printf("from arrival to transmit, by the API to the answer, since the start\n");
	table_print(&table, stdout, 0);
}

static int latency_run(const struct command *command, char **argv)
{
	return counters_show(command, argv, "/v1/latency", latency_print);
}

const struct command latency_command = {
	.words = "latency",
	.summary = "arrival to transmit, percentiles by model",
	.run = latency_run,
};
