// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/models/M/compare: how its canary and its shadow compare with live.
#pragma once

#include "ctl/server/http/route.h"

route_handler compare_get;
