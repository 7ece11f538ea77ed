// SPDX-License-Identifier: BSD-3-Clause
// What changes what is in service: /v1/models/M/deployment and rollback, the repository's load and unload, and
// what versions leave by. Each takes If-Match: the revision that GET gives as ETag.
#pragma once

#include "ctl/server/http/route.h"

route_handler deployment_put, rollback_post, load_post, unload_post, version_delete, model_delete;
route_handler deployment_get, deployments_get;
