// SPDX-License-Identifier: BSD-3-Clause
// /v1/drain: begins the drain that SIGTERM begins, and tells how far it is. Control thread only.
#pragma once

#include "ctl/server/http/route.h"

route_handler drain_get, drain_post;
