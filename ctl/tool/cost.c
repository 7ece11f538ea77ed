// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/cost.h"

#include "ctl/tool/api.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define COST_ASKS   50 // at most
#define COST_ASK_NS 100000000

json_t *cost_get(const char *model, uint64_t revision)
{
	const struct timespec pause = { 0, COST_ASK_NS };
	struct api_reply reply;
	char path[160];
	json_t *cost;

	snprintf(path, sizeof(path), "/v1/models/%s/change", model);
	for (int i = 0;; i++) {
		if (!api_call("GET", path, NULL, &reply))
			return NULL;
		if (!revision)
			revision = api_count(reply.json, "revision");
		if (json_is_true(json_object_get(reply.json, "settled")) || i == COST_ASKS ||
			api_count(reply.json, "revision") != revision)
			break;
		api_reply_fini(&reply);
		nanosleep(&pause, NULL);
	}
	cost = api_count(reply.json, "revision") == revision ? json_incref(reply.json)
							     : json_pack("{s:b}", "overtaken", 1);
	api_reply_fini(&reply);
	return cost;
}

static void cost_print_time(const json_t *times, const char *time, const char *end)
{
	const json_t *figure = json_object_get(times, time);

	if (json_is_object(figure))
		printf("%.1f us %s%s", (double)api_count(figure, "p999_ns") / 1e3, time, end);
	else
		printf("none asked %s%s", time, end);
}

// False where nobody asked.
static bool cost_print_way(const json_t *ways, const char *way, const char *whose, const char *by)
{
	const json_t *times = json_object_get(ways, way);

	if (!json_is_object(json_object_get(times, "before")) &&
		!json_is_object(json_object_get(times, "during")) &&
		!json_is_object(json_object_get(times, "after")))
		return false;
	printf("  p99.9 of %s%s: ", whose, by);
	cost_print_time(times, "before", ", ");
	cost_print_time(times, "during", ", ");
	cost_print_time(times, "after", "\n");
	return true;
}

void cost_print(const json_t *cost)
{
	static const struct {
		const char *key, *whose;
	} WHOSE[] = { { "latency", "this model" }, { "neighbours", "its neighbours" } };

	if (json_is_true(json_object_get(cost, "overtaken"))) {
		printf("  what it cost was not known yet when the next change of the model came\n");
		return;
	}
	printf("  requests lost: %llu; blocked: lcores not at all, the API for %.3f ms at a time\n",
		(unsigned long long)api_count(cost, "lost"),
		(double)api_count(cost, "blocked_ns") / 1e6);
	for (int i = 0; i < 2; i++) {
		const json_t *ways = json_object_get(cost, WHOSE[i].key);
		const bool by_udp = cost_print_way(ways, "udp", WHOSE[i].whose, "");
		const bool by_api = cost_print_way(ways, "api", WHOSE[i].whose, " by the API");

		if (!by_udp && !by_api)
			printf("  no requests of %s meanwhile\n", WHOSE[i].whose);
	}
}
