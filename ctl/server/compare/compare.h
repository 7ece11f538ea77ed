// SPDX-License-Identifier: BSD-3-Clause
// Canaries and shadows are compared with live: has the dataplane do it wherever there is one, judges the figures
// once a second, and rolls a canary back that breaks a configured bound. What it was rolled back for is kept in
// the store. Control thread only.
#pragma once

#include "ctl/server/server_state.h"

#include <jansson.h>

struct comparisons *comparisons_create(void);              // NULL without memory
void comparisons_destroy(struct comparisons *comparisons); // NULL is fine
// To be called ten times a second or so.
void comparisons_tick(struct server *server);

// {"model", "canary", "shadow", "rolled_back"}, each null where there is none. NULL without memory.
json_t *compare_json(struct server *server, const struct model_entry *entry);
