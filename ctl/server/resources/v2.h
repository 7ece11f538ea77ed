// SPDX-License-Identifier: BSD-3-Clause
// Open Inference Protocol v2: the server itself.
#pragma once

#include "ctl/server/http/route.h"

route_handler v2_get, v2_live_get, v2_ready_get;

// 503, as clients of the protocol have it, who look for "ready", too.
__attribute__((format(printf, 2, 3))) void v2_not_ready(
	struct http_request *request, const char *format, ...);
