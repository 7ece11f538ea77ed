// SPDX-License-Identifier: BSD-3-Clause
// gRPC's streams of HTTP/2: each is a call. Control thread only.
#pragma once

#include "ctl/server/http/stream.h"

// `arg` is the struct server.
extern const struct stream_service DOOR_SERVICE;
