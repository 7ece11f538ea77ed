// SPDX-License-Identifier: BSD-3-Clause
// /metrics, over the API and over TCP.
#pragma once

#include "ctl/server/http/route.h"

struct evbuffer;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

// Writes the metrics as text. -ENOMEM: nothing was written.
int metrics_write(struct server *server, struct evbuffer *out);

route_handler metrics_get;
