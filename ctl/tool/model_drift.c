// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_drift.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>

static double drift_number(const json_t *column, const char *key)
{
	return json_number_value(json_object_get(column, key));
}

static int drift_compare(const void *a, const void *b)
{
	const double x = drift_number(*(const json_t *const *)a, "psi"),
		     y = drift_number(*(const json_t *const *)b, "psi");

	return (x < y) - (x > y);
}

static void drift_print_columns(const json_t *columns)
{
	const size_t n = json_array_size(columns);
	const json_t **sorted = calloc(n + 1, sizeof(*sorted));
	struct table table;

	if (!sorted) {
		tool_refuse("out of memory for %zu columns", n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(columns, i);
	qsort(sorted, n, sizeof(*sorted), drift_compare);
	TABLE_INIT(&table, "COLUMN", "KIND", ">PSI", ">BY CHANCE", ">BINS", "READING");
	for (size_t i = 0; i < n; i++) {
		table_add(&table, "%s", api_text(sorted[i], "name"));
		table_add(&table, "%s", api_text(sorted[i], "kind"));
		table_add(&table, "%.4f", drift_number(sorted[i], "psi"));
		table_add(&table, "%.4f", drift_number(sorted[i], "expected"));
		table_add(&table, "%ju", (uintmax_t)api_count(sorted[i], "bins"));
		table_add(&table, "%s", api_text(sorted[i], "reading"));
	}
	table_print(&table, stdout, 0);
	free(sorted);
}

static void drift_print_version(const json_t *drift, const json_t *of)
{
	const json_t *udp = json_object_get(of, "udp");
	const bool is_canary = drift != of;

	printf("%s, %sversion %ju: %s rows of the last %s (1 of %ju counted), beside %s rows of "
	       "its reference\n",
		api_text(drift, "model"), is_canary ? "canary " : "",
		(uintmax_t)api_count(of, "version"), format_count(api_count(of, "rows")).s,
		format_duration(api_count(drift, "window_seconds")).s,
		(uintmax_t)api_count(drift, "sample"),
		format_count(api_count(of, "reference_rows")).s);
	if (api_count(udp, "shed"))
		printf("of %s rows by UDP %s were counted, and %s passed over for load\n",
			format_count(api_count(udp, "rows")).s,
			format_count(api_count(udp, "counted")).s,
			format_count(api_count(udp, "shed")).s);
	drift_print_columns(json_object_get(of, "columns"));
}

static void drift_print(const json_t *drift)
{
	const json_t *canary = json_object_get(drift, "canary");

	drift_print_version(drift, drift);
	if (json_is_object(canary))
		drift_print_version(drift, canary);
	printf("PSI below 0.1: stable, from 0.25 on: large. BY CHANCE is what it would be without "
	       "drift, by the number of rows.\n");
}

struct drift_request {
	const char *model;
};

static const struct option_entry DRIFT[] = {
	COMMAND_MODEL(struct drift_request),
	{ 0 },
};

static int drift_run(const struct command *command, char **argv)
{
	struct drift_request request = { 0 };
	char path[128];
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	snprintf(path, sizeof(path), "/v1/models/%s/drift", request.model);
	return api_show(path, drift_print);
}

const struct command model_drift_command = {
	.words = "model drift",
	.summary = "how far the rows in service have moved from the model's reference",
	.entries = DRIFT,
	.run = drift_run,
};
