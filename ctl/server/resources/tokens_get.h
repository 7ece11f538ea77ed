// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/tokens: who has one, and when it was used last. Control thread only.
#pragma once

#include "ctl/server/http/route.h"

route_handler tokens_get;
