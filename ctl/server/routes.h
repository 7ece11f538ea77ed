// SPDX-License-Identifier: BSD-3-Clause
// Which resource answers which method and path: one table.
#pragma once

#include "ctl/server/http/route.h"

extern const struct route ROUTES[];
extern const size_t N_ROUTES;
