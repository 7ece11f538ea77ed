// SPDX-License-Identifier: BSD-3-Clause
// /v1/models/M/retention: how many versions of a model are kept.
#pragma once

#include "ctl/server/http/route.h"

route_handler retention_get, retention_put;
