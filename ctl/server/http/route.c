// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/route.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

// Compares a path to a pattern, segment by segment, before anything is decoded: an encoded slash is
// never a separator.
static bool route_matches(const char *pattern, const char *path)
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

static int route_take_model(
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
	valid = name && strlen(name) == n && name_is_valid(name);
	if (valid)
		snprintf(params->model, sizeof(params->model), "%s", name);
	free(name);
	if (valid)
		return 200;
	error_set(err, -EINVAL,
		"'%.*s' is no model's name: 1 to %d letters, digits, '_', '.' and '-', the first "
		"one a letter or digit",
		(int)(size < 64 ? size : 64), segment, NAME_BYTES_MAX);
	return 400;
}

static int route_take_version(
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

static int route_take_params(
	const char *pattern, const char *path, struct route_params *params, struct error *err)
{
	int status = 200;

	while (status == 200) {
		size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");

		if (strncmp(pattern, "{model}", 7) == 0)
			status = route_take_model(path, have, params, err);
		else if (strncmp(pattern, "{version}", 9) == 0)
			status = route_take_version(path, have, params, err);
		pattern += want;
		path += have;
		if (!*pattern)
			break;
		pattern++, path++;
	}
	return status;
}

const char *route_method_name(unsigned method)
{
	switch (method) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "another method";
	}
}

int route_find(const struct route *routes, size_t n, unsigned method, const char *path,
	const struct route **route, struct route_params *params, char allow[ROUTE_ALLOW_BYTES],
	struct error *err)
{
	size_t used = 0;

	memset(params, 0, sizeof(*params));
	allow[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!route_matches(routes[i].path, path))
			continue;
		if (routes[i].method == method) {
			*route = &routes[i];
			return route_take_params(routes[i].path, path, params, err);
		}
		used += (size_t)snprintf(allow + used, ROUTE_ALLOW_BYTES - used, "%s%s",
			used ? ", " : "", route_method_name(routes[i].method));
	}
	if (used) {
		error_set(err, -EINVAL, "%.200s takes %s", path, allow);
		return 405;
	}
	error_set(err, -ENOENT,
		"there is no %.200s here; see /v1/status, /v1/models, /v2, /metrics", path);
	return 404;
}
