// SPDX-License-Identifier: BSD-3-Clause
// What changes what is in service: /v1/models/M/deployment and rollback, and the repository's load
// and unload.
#pragma once

#include "ctl/server/http/route.h"

route_handler deployment_put, rollback_post, load_post, unload_post;
