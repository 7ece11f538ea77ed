// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/route.h"

#include <stdlib.h>
#include <string.h>

// Bytes of what stands behind the parameter in a pattern's segment of `want` bytes: of "{model}:predict"
// eight.
static size_t route_suffix(const char *pattern, size_t want)
{
	const char *close = pattern[0] == '{' ? memchr(pattern, '}', want) : NULL;

	return close ? (size_t)(pattern + want - close) - 1 : 0;
}

// A segment that is a parameter: something, and behind it what the pattern has there. No name has a colon,
// so that it begins what stands behind one.
static bool route_matches_parameter(const char *pattern, size_t want, const char *path, size_t have)
{
	const size_t suffix = route_suffix(pattern, want);
	const char *colon = memchr(path, ':', have);

	if (have <= suffix)
		return false;
	return suffix == 0 ? !colon
			   : colon == path + have - suffix &&
			memcmp(pattern + want - suffix, colon, suffix) == 0;
}

// Compares a path to a pattern, segment by segment, before anything is decoded: an encoded slash is
// never a separator.
static bool route_matches(const char *pattern, const char *path)
{
	for (;;) {
		size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");

		if (pattern[0] == '{' ? !route_matches_parameter(pattern, want, path, have)
				      : want != have || strncmp(pattern, path, want) != 0)
			return false;
		pattern += want;
		path += have;
		if (!*pattern || !*path)
			return *pattern == *path;
		pattern++, path++;
	}
}

static int route_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
		return (digit | 32) - 'a' + 10;
	return -1;
}

// Decodes a segment into text[room], which ends in a zero byte. False where it does not fit, where a
// percent sign has no two digits behind it, or where what is decoded holds a zero byte: it would hide
// what follows it.
static bool route_decode(const char *segment, size_t size, char *text, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		int high, low;

		if (n + 1 >= room)
			return false;
		text[n] = segment[i];
		if (segment[i] == '%') {
			high = i + 2 < size ? route_hex(segment[i + 1]) : -1;
			low = i + 2 < size ? route_hex(segment[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return false;
			text[n] = (char)(high * 16 + low);
			i += 2;
		}
		n++;
	}
	text[n] = '\0';
	return true;
}

static int route_take_model(
	const char *segment, size_t size, struct route_params *params, struct error *err)
{
	if (route_decode(segment, size, params->model, sizeof(params->model)) &&
		name_is_valid(params->model))
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
			status = route_take_model(
				path, have - route_suffix(pattern, want), params, err);
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

// What a listener of these services has, for who asks for something else.
static const char *route_hint(unsigned serves)
{
	if (serves & ROUTE_MANAGE)
		return "see /v1/status, /v1/models, /v2, /metrics";
	if (serves & ROUTE_INFER)
		return serves & ROUTE_METRICS ? "see /v2, /metrics" : "see /v2";
	return "see /metrics";
}

int route_find(const struct route *routes, size_t n, unsigned serves, enum http_method method,
	const char *path, const struct route **route, struct route_params *params,
	char allow[ROUTE_ALLOW_BYTES], struct error *err)
{
	size_t used = 0;

	memset(params, 0, sizeof(*params));
	allow[0] = '\0';
	method = method == HTTP_HEAD ? HTTP_GET : method;
	path += path[0] == '/' && path[1] == '/'; // of who joins a base "http://host/" and a path
	for (size_t i = 0; i < n; i++) {
		if (!(routes[i].service & serves) || !route_matches(routes[i].path, path))
			continue;
		if (routes[i].method == method) {
			*route = &routes[i];
			return route_take_params(routes[i].path, path, params, err);
		}
		if (strstr(allow, http_method_name(routes[i].method)))
			continue; // two patterns have it: no method's name is part of another's
		used += (size_t)snprintf(allow + used, ROUTE_ALLOW_BYTES - used, "%s%s%s",
			used ? ", " : "", http_method_name(routes[i].method),
			routes[i].method == HTTP_GET ? ", HEAD" : "");
	}
	if (used) {
		error_set(err, -EINVAL, "%.200s takes %s", path, allow);
		return 405;
	}
	error_set(err, -ENOENT, "there is no %.200s here; %s", path, route_hint(serves));
	return 404;
}
