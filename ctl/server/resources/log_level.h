// SPDX-License-Identifier: BSD-3-Clause
// /v1/log: which lines are left out of the log, until the next restart or reload.
#pragma once

#include "ctl/server/http/route.h"

route_handler log_level_get;
route_handler log_level_put;
// The same as Triton has it: GET and POST /v2/logging.
route_handler logging_get, logging_post;
