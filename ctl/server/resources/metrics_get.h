// SPDX-License-Identifier: BSD-3-Clause
// /metrics, over the API and over TCP.
#pragma once

#include "ctl/server/http/route.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_FRESH_MS     500 // over TCP it is not made again so long: with many models it is work

struct metrics_page; // as made last for TCP

route_handler metrics_get;
void metrics_page_free(struct metrics_page *page); // NULL is fine
