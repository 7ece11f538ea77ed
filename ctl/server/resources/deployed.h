// SPDX-License-Identifier: BSD-3-Clause
// The model in service that a path names. Control thread only.
#pragma once

#include "ctl/server/http/route.h"
#include "dataplane/dataplane.h"

// Its slot. NULL where that model and version is not in service: the client was replied to.
const struct slot_info *deployed_slot(
	struct server *server, struct http_request *request, const struct route_params *params);
// Holds it, to score with: dataplane_hold(). False where it is not in service: likewise.
bool deployed_hold(struct server *server, struct http_request *request,
	const struct route_params *params, struct deployment_hold *hold);
