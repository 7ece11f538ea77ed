// SPDX-License-Identifier: BSD-3-Clause
// The handlers of the routes (routes.c), one file a resource, and the JSON pieces they share.
#pragma once

#include "ctl/server/routes.h"

#include <jansson.h>

struct server;

// X(function)
#define RESOURCE_LIST(X)                                                                           \
	X(status_get)                                                                              \
	X(models_get_all)                                                                          \
	X(version_put)                                                                             \
	X(version_delete)                                                                          \
	X(deployment_put)                                                                          \
	X(rollback_post)                                                                           \
	X(load_post)                                                                               \
	X(unload_post)                                                                             \
	X(index_post)                                                                              \
	X(v2_get)                                                                                  \
	X(v2_live_get)                                                                             \
	X(v2_ready_get)                                                                            \
	X(v2_model_get)                                                                            \
	X(v2_model_ready_get)                                                                      \
	X(stats_get)                                                                               \
	X(drops_get)                                                                               \
	X(ports_get)                                                                               \
	X(lcores_get)                                                                              \
	X(latency_get)                                                                             \
	X(metrics_get)

#define X(function)                                                                                \
	void function(struct server *server, struct evhttp_request *request,                       \
		const struct route_params *params);
RESOURCE_LIST(X)
#undef X

json_t *ports_json(struct server *server);  // [{...}]
json_t *lcores_json(struct server *server); // [{...}]
json_t *models_json(struct server *server); // [{...}]
