// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/counters.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"

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
	table_print(&table, stdout, 0);
}

static int stats_run(const struct command *command, char **argv)
{
	return counters_show(command, argv, "/v1/stats", stats_print);
}

const struct command stats_command = {
	.words = "stats",
	.summary = "every counter, in total and by lcore",
	.run = stats_run,
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

	TABLE_INIT(&table, ">ID", "MODEL", ">COUNT", ">MIN", ">P50", ">P90", ">P99", ">P99.9",
		">P99.99", ">MAX", ">MEAN");
	json_array_foreach (json_object_get(answer, "models"), i, model) {
		bool any = api_count(model, "count");

		table_add(&table, "%ju", (uintmax_t)api_count(model, "id"));
		table_add(&table, "%s", api_text(model, "name"));
		table_add(&table, "%s", format_count(api_count(model, "count")).s);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			double ns = json_number_value(json_object_get(model, keys[k]));

			table_add(&table, "%s", any ? format_ns(ns).s : "-");
		}
	}
	printf("from arrival (rx burst) to transmit (tx burst), since start\n");
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
