// SPDX-License-Identifier: BSD-3-Clause
// Scoring over REST: the Open Inference Protocol's infer, CSV, and KServe's first protocol.
#pragma once

#include "ctl/server/http/route.h"

#define INFER_BODY_BYTES_MAX ((size_t)64 << 20)

// The status of HTTP that says what a job's err.code does.
int infer_status(int code);
route_handler infer_post, predict_post;
route_taker infer_accepts;
