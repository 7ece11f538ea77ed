// SPDX-License-Identifier: BSD-3-Clause
// martletctl status: the whole appliance on one screen.
#include "ctl/tool/api.h"
#include "ctl/tool/args.h"
#include "ctl/tool/format.h"
#include "ctl/tool/show.h"

static void print_totals(const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");
	const json_t *pool = json_object_get(status, "mempool");

	printf("\npackets   received %s, replied %s, dropped %s\n",
		format_count(json_count(counters, "received")).s,
		format_count(json_count(counters, "replied")).s,
		format_count(json_count(counters, "dropped")).s);
	printf("rows      scored %s\n", format_count(json_count(counters, "rows_scored")).s);
	printf("mempool   %s of %s mbufs in use\n", format_count(json_count(pool, "in_use")).s,
		format_count(json_count(pool, "size")).s);
}

static void print_drops(const json_t *drops)
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

static void print_status(const json_t *status)
{
	char text[256];

	tool_copy_clean(text, sizeof(text), json_text(status, "config"));
	printf("martletd %s, %s for %s, pid %ju\n", json_text(status, "version"),
		json_text(status, "state"), format_duration(json_count(status, "uptime_seconds")).s,
		(uintmax_t)json_count(status, "pid"));
	printf("configuration %s, kernels up to %s\n\n", text, json_text(status, "isa"));
	show_models(json_object_get(status, "models"));
	printf("\n");
	show_ports(json_object_get(status, "ports"));
	printf("\n");
	show_lcores(json_object_get(status, "lcores"));
	print_totals(status);
	print_drops(json_object_get(status, "drops"));
}

int status_command(int argc, char **argv)
{
	struct args args = { 0 };
	struct api_reply reply;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!api_call("GET", "/v1/status", NULL, &reply))
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		print_status(reply.json);
	api_reply_fini(&reply);
	return TOOL_DONE;
}
