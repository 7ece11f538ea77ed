// SPDX-License-Identifier: BSD-3-Clause
// /v1/models/M/versions/V: images come into the store, verified but not live. deployment.h lets them go.
#pragma once

#include "ctl/server/http/route.h"

route_handler version_put;
route_taker version_accepts;
