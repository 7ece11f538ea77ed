// SPDX-License-Identifier: BSD-3-Clause
// /v1/status, /v1/ports, /v1/lcores.
#pragma once

#include "ctl/server/http/route.h"

route_handler status_get, ports_get, lcores_get;
