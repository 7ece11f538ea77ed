// SPDX-License-Identifier: BSD-3-Clause
// What HTTP clients and a damaged disk can hand to the control plane: paths, JSON bodies,
// deployment.json, requests for the metrics over TCP. The first byte chooses which.
#include "base/name.h"
#include "ctl/server/http/body.h"
#include "ctl/server/http/page.h"
#include "ctl/server/routes.h"
#include "ctl/server/store/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void path(const char *text)
{
	static const enum http_method METHODS[] = { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE };
	const struct route *route;
	struct route_params params;
	struct error err = { .text = "" };
	char allow[ROUTE_ALLOW_BYTES];

	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
		int status = route_find(ROUTES, N_ROUTES, ROUTE_ALL, METHODS[i], text, &route,
			&params, allow, &err);

		must(status == 200 || (status >= 400 && err.text[0]));
		must(status != 200 || !params.model[0] || name_is_valid(params.model));
		must(status != 405 || allow[0]);
	}
}

static void bodies(const char *text, size_t size)
{
	struct body_deployment deployment;
	struct body_index index;
	struct body_log log;
	struct error err = { .text = "" };

	must(body_deployment_parse(text, size, &deployment, &err) == 0 ? deployment.live > 0
								       : err.text[0]);
	err.text[0] = '\0';
	must(body_index_parse(text, size, &index, &err) == 0 || err.text[0]);
	err.text[0] = '\0';
	must(body_log_parse(text, size, &log, &err) == 0 ? log.level[sizeof(log.level) - 1] == '\0'
							 : err.text[0]);
	err.text[0] = '\0';
	must(body_empty_parse(text, size, &err) == 0 || err.text[0]);
}

// What is taken must come back from its own text.
static void record(const char *text, size_t size)
{
	struct record taken, back;
	struct error err = { .text = "" };
	char *again, *twice;

	if (record_parse(text, size, &taken, &err) != 0) {
		must(err.text[0]);
		return;
	}
	again = record_format(&taken);
	must(again && record_parse(again, strlen(again), &back, &err) == 0);
	twice = record_format(&back);
	must(twice && strcmp(again, twice) == 0);
	free(twice);
	free(again);
	record_promote(&taken, taken.n_previous ? taken.previous[0] : 1, "");
	must(taken.n_previous <= RECORD_PREVIOUS_MAX);
}

// What arrives on metrics.listen, of which nothing ends in a zero byte.
static void page(const char *head, size_t bytes)
{
	struct error err = { .text = "" };
	int status = page_status("/metrics", head, bytes, &err);

	must(status == 200 ? bytes >= strlen("GET /metrics HTTP/1.1") : err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0 || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 4) {
	case 0:
		path(text);
		break;
	case 1:
		bodies(text, size - 1);
		break;
	case 2:
		record(text, size - 1);
		break;
	default:
		page((const char *)data + 1, size - 1);
	}
	free(text);
	return 0;
}
