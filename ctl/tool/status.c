// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/status.h"

#include "ctl/tool/api.h"
#include "ctl/tool/counters.h"
#include "ctl/tool/format.h"
#include "ctl/tool/models.h"
#include "ctl/tool/ports.h"
#include "ctl/tool/tool.h"

static void status_print_totals(const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");
	const json_t *pool = json_object_get(status, "mempool");

	printf("\npackets   received %s, replied %s, dropped %s\n",
		format_count(api_count(counters, "received")).s,
		format_count(api_count(counters, "replied")).s,
		format_count(api_count(counters, "dropped")).s);
	printf("rows      scored %s\n", format_count(api_count(counters, "rows_scored")).s);
	printf("mempool   %s of %s mbufs in use\n", format_count(api_count(pool, "in_use")).s,
		format_count(api_count(pool, "size")).s);
}

static void status_print_drops(const json_t *drops)
{
	const char *name;
	json_t *count;

	json_object_foreach ((json_t *)drops, name, count)
		printf("%s%s %s",
			name == json_object_iter_key(json_object_iter((json_t *)drops))
				? "drops     "
				: ", ",
			name, format_count((uint64_t)json_integer_value(count)).s);
	if (json_object_size(drops))
		printf("; see martletctl drops\n");
}

static void status_print_process(const json_t *process)
{
	if (!process) // an older martletd's
		return;
	printf("process   user %s, capabilities %s, seccomp %s\n", api_text(process, "user"),
		api_text(process, "capabilities"), api_text(process, "seccomp"));
}

static void status_print(const json_t *status)
{
	char text[256];

	tool_copy_clean(text, sizeof(text), api_text(status, "config"));
	printf("martletd %s, %s for %s, pid %ju\n", api_text(status, "version"),
		api_text(status, "state"), format_duration(api_count(status, "uptime_seconds")).s,
		(uintmax_t)api_count(status, "pid"));
	printf("configuration %s, kernels up to %s\n\n", text, api_text(status, "isa"));
	models_print_table(json_object_get(status, "models"));
	printf("\n");
	ports_print_table(json_object_get(status, "ports"));
	printf("\n");
	lcores_print_table(json_object_get(status, "lcores"));
	status_print_totals(status);
	status_print_drops(json_object_get(status, "drops"));
	status_print_process(json_object_get(status, "process"));
}

static int status_run(const struct command *command, char **argv)
{
	int exit;

	return command_parse(command, argv, NULL, &exit) ? api_show("/v1/status", status_print)
							 : exit;
}

const struct command status_command = {
	.words = "status",
	.summary = "what runs: build, uptime, ports, lcores, models, drops",
	.run = status_run,
};
