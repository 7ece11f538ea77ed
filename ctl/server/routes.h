// SPDX-License-Identifier: BSD-3-Clause
// Which resource answers which method and path: one table.
#pragma once

#include "ctl/server/http/route.h"

#define ROUTES_COUNT 22

extern const struct route ROUTES[ROUTES_COUNT];
