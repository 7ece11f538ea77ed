// SPDX-License-Identifier: BSD-3-Clause
// /metrics.
#pragma once

#include "ctl/server/http/route.h"

route_handler metrics_get;
