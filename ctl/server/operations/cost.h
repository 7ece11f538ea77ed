// SPDX-License-Identifier: BSD-3-Clause
// What a change of a model cost those who asked meanwhile: requests without an answer, the longest time that
// the control thread served nobody for it, and the latency that 99.9 % of the requests did not exceed
// before, during and after it, of the model and of its neighbours. Control thread only.
#pragma once

#include <jansson.h>
#include <stdint.h>

struct cost;
struct server;

struct cost *cost_create(struct server *server); // NULL without memory
void cost_destroy(struct cost *cost);            // NULL is fine
// To be called ten times a second or so: looks at all latencies each second, and ends what is "after".
void cost_tick(struct cost *cost);

// Around all that an operation does on the control thread at a time.
void cost_enter(struct cost *cost);
void cost_leave(struct cost *cost);
// An operation of a client begins; it has changed what serves. `what` is kept as it is.
void cost_begin(struct cost *cost);
void cost_end(struct cost *cost, const char *model, const char *what, uint16_t version);

// Of a model's last change; "settled" is false until what came after it is known. NULL where it had none that
// is still kept, or without memory.
json_t *cost_json(const struct cost *cost, const char *model);
