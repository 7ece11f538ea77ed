// SPDX-License-Identifier: BSD-3-Clause
// Open Inference Protocol v2 and Triton's extensions: what a model is, how it is configured, and what it
// did.
#pragma once

#include "ctl/server/http/route.h"

// v2_model_ready_get: {"name", "ready"}, which is what KServe's first protocol has of a model, too.
route_handler v2_model_get, v2_model_ready_get, v2_config_get, v2_stats_get, v2_stats_get_all;
