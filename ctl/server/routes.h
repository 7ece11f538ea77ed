// SPDX-License-Identifier: BSD-3-Clause
// Which function answers which method and path: one table.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

#include <stdint.h>

struct server;
struct evhttp_request;

struct route_params {
	char model[MODEL_NAME_MAX + 1]; // {model}, a valid name
	uint16_t version;               // {version}
};

typedef void (*route_handler)(
	struct server *server, struct evhttp_request *request, const struct route_params *params);

struct route {
	unsigned method;  // enum evhttp_cmd_type
	const char *path; // "/v1/models/{model}/versions/{version}"
	route_handler handle;
};

// Finds the route of a method and a path (as it came, percent signs and all; without the query).
// Returns the HTTP status: 200 and *route; 400 a malformed name or version, 404 no such path, 405
// and the methods that fit in `allow` ("GET, PUT"), each but 200 with a sentence.
int routes_find(unsigned method, const char *path, const struct route **route,
	struct route_params *params, char allow[64], struct error *err);
