// SPDX-License-Identifier: BSD-3-Clause
// ModelInfer: scored as what comes by REST is. Control thread only.
#pragma once

#include "ctl/server/grpc/proto_read.h"

struct call;

void infer_call_message(struct call *call, struct proto_text message);
