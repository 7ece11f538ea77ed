// SPDX-License-Identifier: BSD-3-Clause
// Finding what answers a method and a path in a table of routes.
#pragma once

#include "base/error.h"
#include "base/name.h"
#include "base/trust/role.h"
#include "ctl/server/http/method.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct http_request;

struct route_params {
	char model[NAME_BYTES_MAX + 1]; // {model}, a valid name
	uint16_t version;               // {version}
};

typedef void route_handler(
	struct server *server, struct http_request *request, const struct route_params *params);

// What a listener may serve: bits of a mask.
enum route_service {
	ROUTE_INFER = 1,   // what clients of models ask
	ROUTE_METRICS = 2, // figures to be scraped
	ROUTE_MANAGE = 4,  // everything else: what reads or changes the appliance
	ROUTE_ALL = 7
};

// Whether a large body of a request is worth reading; false: the request was replied to.
typedef bool route_taker(
	struct server *server, struct http_request *request, const struct route_params *params);

struct route {
	enum http_method method;
	const char *path; // "/v1/models/{model}/versions/{version}", "/v1/models/{model}:predict"
	enum route_service service;
	enum role role; // that it takes at the least
	bool changes;   // something: who asked is recorded
	route_handler *handle;
	route_taker *accepts; // NULL: bodies here are small
};

#define ROUTE_ALLOW_BYTES 64

// Finds the route of a method and a path (as it came, percent signs and all; without the query) in
// routes[n], among those of the services in `serves`: for a listener there are no others. HEAD has the
// routes of GET. Returns the HTTP status: 200 and *route; 400 a malformed name or version, 404 no such
// path, 405 and the methods that fit in `allow` ("GET, HEAD, PUT"), each but 200 with a sentence.
int route_find(const struct route *routes, size_t n, unsigned serves, enum http_method method,
	const char *path, const struct route **route, struct route_params *params,
	char allow[ROUTE_ALLOW_BYTES], struct error *err);
