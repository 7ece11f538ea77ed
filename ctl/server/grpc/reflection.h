// SPDX-License-Identifier: BSD-3-Clause
// Server reflection: what tools like grpcurl ask for the services and the messages' definitions, which stand in
// the program as protoc made them. v1 and v1alpha are the same on the wire. Control thread only.
#pragma once

#include "ctl/server/grpc/proto_read.h"

struct call;

void reflection_message(struct call *call, struct proto_text message);
void reflection_end(struct call *call);
