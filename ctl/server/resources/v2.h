// SPDX-License-Identifier: BSD-3-Clause
// Open Inference Protocol v2: the server itself.
#pragma once

#include "ctl/server/http/route.h"

route_handler v2_get, v2_live_get, v2_ready_get;
