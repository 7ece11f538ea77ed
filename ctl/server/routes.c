// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/routes.h"

#include "ctl/server/resources/resources.h"
#include "ctl/server/store/store.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

static const struct route ROUTES[] = {
	{ EVHTTP_REQ_GET, "/v1/status", status_get },
	{ EVHTTP_REQ_GET, "/v1/models", models_get_all },
	{ EVHTTP_REQ_PUT, "/v1/models/{model}/versions/{version}", version_put },
	{ EVHTTP_REQ_DELETE, "/v1/models/{model}/versions/{version}", version_delete },
	{ EVHTTP_REQ_PUT, "/v1/models/{model}/deployment", deployment_put },
	{ EVHTTP_REQ_POST, "/v1/models/{model}/rollback", rollback_post },
	{ EVHTTP_REQ_GET, "/v1/stats", stats_get },
	{ EVHTTP_REQ_GET, "/v1/drops", drops_get },
	{ EVHTTP_REQ_GET, "/v1/ports", ports_get },
	{ EVHTTP_REQ_GET, "/v1/lcores", lcores_get },
	{ EVHTTP_REQ_GET, "/v1/latency", latency_get },
	{ EVHTTP_REQ_GET, "/v2", v2_get },
	{ EVHTTP_REQ_GET, "/v2/health/live", v2_live_get },
	{ EVHTTP_REQ_GET, "/v2/health/ready", v2_ready_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}", v2_model_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}/ready", v2_model_ready_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}/versions/{version}", v2_model_get },
	{ EVHTTP_REQ_GET, "/v2/models/{model}/versions/{version}/ready", v2_model_ready_get },
	{ EVHTTP_REQ_POST, "/v2/repository/index", index_post },
	{ EVHTTP_REQ_POST, "/v2/repository/models/{model}/load", load_post },
	{ EVHTTP_REQ_POST, "/v2/repository/models/{model}/unload", unload_post },
	{ EVHTTP_REQ_GET, "/metrics", metrics_get },
};
#define N_ROUTES (sizeof(ROUTES) / sizeof(ROUTES[0]))

// Compares a path to a pattern, segment by segment, before anything is decoded: an encoded slash is
// never a separator.
static bool matches(const char *pattern, const char *path)
{
	for (;;) {
		size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");

		if (pattern[0] == '{' ? have == 0
				      : want != have || strncmp(pattern, path, want) != 0)
			return false;
		pattern += want;
		path += have;
		if (!*pattern || !*path)
			return *pattern == *path;
		pattern++, path++;
	}
}

static int take_model(
	const char *segment, size_t size, struct route_params *params, struct error *err)
{
	char encoded[3 * sizeof(params->model)];
	char *name = NULL;
	size_t n = 0;
	bool valid;

	if (size < sizeof(encoded)) {
		snprintf(encoded, sizeof(encoded), "%.*s", (int)size, segment);
		name = evhttp_uridecode(encoded, 0, &n);
	}
	// A decoded NUL would hide what follows it.
	valid = name && strlen(name) == n && store_name_is_valid(name);
	if (valid)
		snprintf(params->model, sizeof(params->model), "%s", name);
	free(name);
	if (valid)
		return 200;
	error_set(err, -EINVAL,
		"'%.*s' is no model's name: 1 to %d letters, digits, '_', '.' and '-', the first "
		"one a letter or digit",
		(int)(size < 64 ? size : 64), segment, MODEL_NAME_MAX);
	return 400;
}

static int take_version(
	const char *segment, size_t size, struct route_params *params, struct error *err)
{
	uint32_t version = 0;

	for (size_t i = 0; i < size; i++) {
		if (segment[i] < '0' || segment[i] > '9' || i > 4 || segment[0] == '0') {
			version = 0;
			break;
		}
		version = version * 10 + (uint32_t)(segment[i] - '0');
	}
	if (version >= 1 && version <= UINT16_MAX) {
		params->version = (uint16_t)version;
		return 200;
	}
	error_set(err, -EINVAL, "'%.*s' is no version: a number from 1 to 65535",
		(int)(size < 64 ? size : 64), segment);
	return 400;
}

static int take_params(
	const char *pattern, const char *path, struct route_params *params, struct error *err)
{
	int status = 200;

	while (status == 200) {
		size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");

		if (strncmp(pattern, "{model}", 7) == 0)
			status = take_model(path, have, params, err);
		else if (strncmp(pattern, "{version}", 9) == 0)
			status = take_version(path, have, params, err);
		pattern += want;
		path += have;
		if (!*pattern)
			break;
		pattern++, path++;
	}
	return status;
}

static const char *method_name(unsigned method)
{
	switch (method) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_POST:
		return "POST";
	default:
		return "DELETE";
	}
}

int routes_find(unsigned method, const char *path, const struct route **route,
	struct route_params *params, char allow[64], struct error *err)
{
	size_t used = 0;

	memset(params, 0, sizeof(*params));
	allow[0] = '\0';
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!matches(ROUTES[i].path, path))
			continue;
		if (ROUTES[i].method == method) {
			*route = &ROUTES[i];
			return take_params(ROUTES[i].path, path, params, err);
		}
		used += (size_t)snprintf(allow + used, 64 - used, "%s%s", used ? ", " : "",
			method_name(ROUTES[i].method));
	}
	if (used) {
		error_set(err, -EINVAL, "%.200s takes %s", path, allow);
		return 405;
	}
	error_set(err, -ENOENT,
		"there is no %.200s here; see /v1/status, /v1/models, /v2, /metrics", path);
	return 404;
}
