// SPDX-License-Identifier: BSD-3-Clause
// The trailers of replies to authenticated requests: the request's counter, and a tag of the reply.
#pragma once

#include "dataplane/auth/auth.h"
#include "dataplane/packet.h"

struct auth_seals { // of a burst
	uint16_t n;
	struct siphash_job jobs[BURST_MAX];
};

// One more reply, whose `key` is not 0: its wire header and what follows, `bytes` together, are as they will be
// sent, from `payload` on; `table` is auth_table()'s. Writes the counter behind it; a tag follows, for which
// there is room since the request had one. A key that is gone meanwhile makes no tag: the client refuses the reply.
void auth_seal_add(struct auth_seals *seals, const struct auth_table *table, const struct packet *p,
	uint8_t *payload, uint32_t bytes);
// Writes the tags of all, side by side.
void auth_seal(struct auth_seals *seals, const struct auth *auth);
