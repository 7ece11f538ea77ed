// SPDX-License-Identifier: BSD-3-Clause
// /v1/stats, /v1/drops, /v1/latency.
#pragma once

#include "ctl/server/http/route.h"

route_handler stats_get, stats_reset_post, drops_get, latency_get;
