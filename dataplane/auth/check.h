// SPDX-License-Identifier: BSD-3-Clause
// The stage between parsing and admission: whose a request is. Of an authenticated one first the tag is
// checked, in constant time, then whether its counter was seen before. What is not right, or is without
// authentication where its model demands it, is dropped without a word, each kind under the name of its drop.
#pragma once

#include "dataplane/auth/auth.h"
#include "dataplane/packet.h"
#include "dataplane/registry.h"
#include "dataplane/wire.h"

// Takes `n` requests, PACKET_SCORE of parse.c, BURST_MAX at the most; leaves in `mbufs`, in their order, those
// that are good, and returns how many; counts and frees the others. A good one has its `key`, 0 where it is not
// authenticated. From its `payload_bytes` the trailer is taken off: behind them lies its counter until the
// reply is sealed.
uint16_t auth_check(struct rte_mbuf **mbufs, uint16_t n, const struct auth *auth,
	const struct registry *registry, struct dataplane_counters *counters);

// The same of requests that have no other `flags` than these: where none has a key, and nobody needs one, none of them
// is looked at.
static inline uint16_t auth_burst(struct rte_mbuf **mbufs, uint16_t n, uint8_t flags,
	const struct auth *auth, const struct registry *registry,
	struct dataplane_counters *counters)
{
	if (likely(!(flags & WIRE_FLAG_AUTHENTICATED) && !auth_table(auth)->demands))
		return n;
	return auth_check(mbufs, n, auth, registry, counters);
}
