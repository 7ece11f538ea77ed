// SPDX-License-Identifier: BSD-3-Clause
// /v1/models/M/versions/V: images come into the store, verified but not live, and leave it.
#pragma once

#include "ctl/server/http/route.h"

route_handler version_put, version_delete;
route_taker version_accepts;
