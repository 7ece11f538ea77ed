// SPDX-License-Identifier: BSD-3-Clause
// /v1/models and the repository's index.
#pragma once

#include "ctl/server/http/route.h"

#include <jansson.h>

route_handler models_get_all, index_post;
route_handler versions_get; // /v1/models/M/versions

json_t *models_json(struct server *server); // [{...}], of every model that is known
