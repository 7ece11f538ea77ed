// SPDX-License-Identifier: BSD-3-Clause
// gRPC's health service, grpc.health.v1.Health: of the server (""), of its services by their names, and of a
// model ("model/NAME"). Control thread only.
#pragma once

#include "ctl/server/grpc/proto_read.h"

struct call;
struct server;

void health_check(struct call *call, struct proto_text message);
// Answers at once, and then whenever it has changed, until the client ends the call.
void health_watch(struct call *call, struct proto_text message);
// Tells those who watch what has changed. To be called now and then.
void watch_tick(struct server *server);
