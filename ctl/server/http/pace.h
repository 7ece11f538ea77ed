// SPDX-License-Identifier: BSD-3-Clause
// How often each address may do something: so many times a second, and as many at once. It remembers those
// that did it lately, up to PACE_ADDRESSES; of more it forgets first who is nearest to be as one that is new.
// Control thread only.
#pragma once

#include "ctl/server/http/gate_address.h"

#define PACE_ADDRESSES 4096

struct pace;

struct pace *pace_create(void); // NULL without memory
void pace_destroy(struct pace *pace);
// Whether it could not once more; nothing is counted.
bool pace_is_spent(struct pace *pace, const struct gate_address *address, uint32_t per_second,
	uint64_t now_ms);
// Whether the address may once more now, which then counts. `now_ms`: deadline_now_ms().
bool pace_admits(struct pace *pace, const struct gate_address *address, uint32_t per_second,
	uint64_t now_ms);
