// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/compare.h"

#include "ctl/tool/api.h"
#include "ctl/tool/tool.h"

struct compare_arguments {
	const char *model;
};

static double compare_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void compare_print_interval(const char *what, const json_t *interval)
{
	if (!json_is_number(json_object_get(interval, "value"))) {
		printf("  %-12s nothing compared yet\n", what);
		return;
	}
	printf("  %-12s %.4g", what, compare_number(interval, "value"));
	if (json_is_number(json_object_get(interval, "low")))
		printf(" (between %.4g and %.4g)", compare_number(interval, "low"),
			compare_number(interval, "high"));
	printf("\n");
}

static void compare_print_latency(const char *what, const json_t *latency)
{
	printf("  %-12s p50 %ju ns, p99 %ju ns a row\n", what, (uintmax_t)api_count(latency, "p50"),
		(uintmax_t)api_count(latency, "p99"));
}

static void compare_print_scores(const json_t *scores)
{
	json_t *score;
	size_t i;

	json_array_foreach (scores, i, score)
		printf(" %.6g", json_number_value(score));
}

static void compare_print_one(const json_t *of)
{
	const json_t *latency = json_object_get(of, "latency_ns");
	json_t *row;
	size_t i;

	printf("%s version %ju against live version %ju, by %s\n", api_text(of, "role"),
		(uintmax_t)api_count(of, "version"), (uintmax_t)api_count(of, "live"),
		api_text(of, "decides_by"));
	printf("  %-12s %ju compared of %ju answered, %ju shed for load\n", "rows",
		(uintmax_t)api_count(of, "compared"), (uintmax_t)api_count(of, "rows"),
		(uintmax_t)api_count(of, "shed"));
	printf("  %-12s %ju rows\n", "differ", (uintmax_t)api_count(of, "differ"));
	compare_print_interval("share", json_object_get(of, "share"));
	compare_print_interval("difference", json_object_get(of, "difference"));
	printf("  %-12s %.4g\n", "at most", compare_number(of, "largest_difference"));
	compare_print_latency("live", json_object_get(latency, "live"));
	compare_print_latency("version", json_object_get(latency, "version"));
	json_array_foreach (json_object_get(of, "last"), i, row) {
		printf("  %-12s live", i ? "" : "disagreed");
		compare_print_scores(json_object_get(row, "live"));
		printf(", %s", api_text(of, "role"));
		compare_print_scores(json_object_get(row, "scores"));
		printf("\n");
	}
	printf("  %-12s %s\n", "why", api_text(of, "why"));
	printf("  %-12s %s\n", "advice", api_text(of, "advice"));
}

static void compare_print(const json_t *answer)
{
	static const char *const ROLES[] = { "canary", "shadow" };
	const json_t *ended = json_object_get(answer, "rolled_back");
	bool any = false;

	for (int i = 0; i < 2; i++) {
		const json_t *of = json_object_get(answer, ROLES[i]);

		if (!json_is_object(of))
			continue;
		any = true;
		compare_print_one(of);
	}
	if (json_is_object(ended)) {
		printf("rolled back by itself:\n");
		compare_print_one(ended);
	} else if (!any) {
		printf("no canary and no shadow: there is nothing to compare\n");
	}
}

static int compare_run(const struct command *command, char **argv)
{
	struct compare_arguments arguments = { 0 };
	char path[128 + 64];
	int exit;

	if (!command_parse(command, argv, &arguments, &exit))
		return exit;
	snprintf(path, sizeof(path), "/v1/models/%s/compare", arguments.model);
	return api_show(path, compare_print);
}

static const struct option_entry COMPARE_ENTRIES[] = {
	COMMAND_MODEL(struct compare_arguments),
	{ 0 },
};

const struct command model_compare_command = {
	.words = "model compare",
	.summary = "how a canary and a shadow compare with live, and what is advised",
	.entries = COMPARE_ENTRIES,
	.run = compare_run,
};
