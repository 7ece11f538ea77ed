// SPDX-License-Identifier: BSD-3-Clause
// Finding what answers a method and a path in a table of routes.
#pragma once

#include "base/error.h"
#include "base/name.h"

#include <stddef.h>
#include <stdint.h>

struct server;
struct evhttp_request;

struct route_params {
	char model[NAME_BYTES_MAX + 1]; // {model}, a valid name
	uint16_t version;               // {version}
};

typedef void route_handler(
	struct server *server, struct evhttp_request *request, const struct route_params *params);

struct route {
	unsigned method;  // enum evhttp_cmd_type
	const char *path; // "/v1/models/{model}/versions/{version}"
	route_handler *handle;
};

// "GET", for any of the methods that a route may have.
const char *route_method_name(unsigned method);

#define ROUTE_ALLOW_BYTES 64

// Finds the route of a method and a path (as it came, percent signs and all; without the query) in
// routes[n]. Returns the HTTP status: 200 and *route; 400 a malformed name or version, 404 no such
// path, 405 and the methods that fit in `allow` ("GET, PUT"), each but 200 with a sentence.
int route_find(const struct route *routes, size_t n, unsigned method, const char *path,
	const struct route **route, struct route_params *params, char allow[ROUTE_ALLOW_BYTES],
	struct error *err);
