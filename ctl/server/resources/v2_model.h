// SPDX-License-Identifier: BSD-3-Clause
// Open Inference Protocol v2 and Triton's extensions: what a model is, how it is configured, and what it
// did.
#pragma once

#include "ctl/server/http/route.h"

route_handler v2_model_get, v2_model_ready_get, v2_config_get, v2_stats_get, v2_stats_get_all;
// KServe's first protocol: {"name", "ready"}.
route_handler v1_model_get;
