// SPDX-License-Identifier: BSD-3-Clause
// The configuration that is in force, and another in its place.
#pragma once

#include "ctl/server/http/route.h"

route_handler config_get, config_put, config_check_post;
route_taker config_accepts;
