// SPDX-License-Identifier: BSD-3-Clause
// The stage between authentication and admission: whether a client has asked for more than its rate or, while the
// appliance is busy, for more than its share. What is over it is answered BUSY before any ring or row is touched, and
// counted by client. Nothing here allocates, locks or waits: all of it is one lcore's own, but for the rules.
//
// Rates are the appliance's. Each lcore gives a client all of its rate at first; the control thread (clients.c) then
// divides it by where its requests are seen to arrive, a few times a second.
//
// A share is of this lcore's time, or of its workers'. For each client, fair.c keeps the time at which what was scored
// for it would have been done, had the client but its part of the time (pressure.h) weighed by its share: a client that
// is ahead of that by more than FAIR_AHEAD_US, and by more than FAIR_AHEAD_REQUESTS such as it asks now, is refused: of a
// model whose rows take long, who asks seldom may still ask several times at once. Clients that are not known yet (table.h) have one part
// together: a flood of invented addresses is as one client. Of that part FAIR_AHEAD_US alone counts, for all models alike: else who floods
// with requests that take long would keep it so far ahead that whoever asks for short ones is always refused.
#pragma once

#include "dataplane/fair/pressure.h"
#include "dataplane/fair/table.h"
#include "dataplane/info.h"

#define FAIR_AHEAD_US       250
#define FAIR_AHEAD_REQUESTS 8
#define FAIR_MODELS         65536

// What a row of a model takes, cycles, by id; 0: not measured yet. Written by the control thread.
struct fair_costs {
	_Atomic(uint32_t) row_cycles[FAIR_MODELS];
};

struct fair {
	struct table table;
	struct pressure pressure;
	const struct fair_costs *costs;
	struct client last;        // whom the last request was of
	struct table_entry *entry; // ... and its entry; NULL: it has none
	uint64_t ahead_cycles;
	uint64_t scoring; // cycles, of an lcore that scores itself
};

void fair_init(struct fair *fair, const struct hash_key *key, const struct fair_costs *costs,
	uint64_t tsc_hz);

// Parts `n` requests that came in by the port of that index at `now`: those within their clients' limits stay in
// `mbufs`, in their order; the others go to `refused`, as PACKET_RESULT with BUSY, *n_refused of them. Returns how
// many stay.
uint16_t fair_burst(struct fair *fair, const struct rules *rules, uint16_t port,
	struct rte_mbuf **mbufs, uint16_t n, uint64_t now, struct dataplane_counters *counters,
	struct rte_mbuf **refused, uint16_t *n_refused);
