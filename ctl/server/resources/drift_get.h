// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/models/M/drift: how far the rows in service have moved from the live version's reference.
#pragma once

#include "ctl/server/http/route.h"

route_handler drift_get;
