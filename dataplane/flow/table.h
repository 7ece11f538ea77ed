// SPDX-License-Identifier: BSD-3-Clause
// The flow table: a fixed number of flows, all memory taken at creation, none per packet.
//
// One thread owns a table. The work for a packet is bounded: a hash chain, a list splice, and the
// end of two flows that ran out. The ends are hashed with SipHash under the caller's seed, so that
// nobody outside can fill one chain on purpose.
#pragma once

#include "base/error.h"
#include "dataplane/flow/flow.h"

#include <stdint.h>

// Why a flow was handed out. X(END, "name")
#define FLOW_END_LIST(X)                                                                           \
	X(FLOW_END_CLOSED, "closed")   /* TCP said so: RST, or FIN both ways */                    \
	X(FLOW_END_IDLE, "idle")       /* silent for idle_ns */                                    \
	X(FLOW_END_ACTIVE, "active")   /* older than active_ns; the rest follows as a new flow */  \
	X(FLOW_END_EVICTED, "evicted") /* pushed out of a full table */                            \
	X(FLOW_END_FLUSHED, "flushed") /* still open when the table was emptied */

enum flow_end {
#define X(end, name) end,
	FLOW_END_LIST(X)
#undef X
		FLOW_ENDS
};
const char *flow_end_name(enum flow_end end);

// Called once for each flow that ended; the flow is the table's and gone after the call.
typedef void (*flow_emit)(void *context, const struct flow *flow, enum flow_end end);

#define FLOW_TABLE_SEED_BYTES 16

struct flow_table_options {
	uint32_t capacity;  // flows, 1 … FLOW_TABLE_CAPACITY_MAX
	uint64_t idle_ns;   // silence that ends a flow, > 0
	uint64_t linger_ns; // a closed TCP flow still takes its last ACKs for so long
	uint64_t active_ns; // a flow is handed out at this age at the latest; 0: never
	uint8_t seed[FLOW_TABLE_SEED_BYTES]; // key of the hash, drawn at random
	flow_emit emit;
	void *context;
};

#define FLOW_TABLE_CAPACITY_MAX (1u << 24)
#define FLOW_TABLE_DEFAULTS                                                                        \
	.capacity = 65536, .idle_ns = 60000000000ull, .linger_ns = 1000000000ull,                  \
	.active_ns = 120000000000ull

struct flow_table_stats {
	uint64_t packets;
	uint64_t flows; // begun
	uint64_t ended[FLOW_ENDS];
	uint32_t live;
};

struct flow_table;

// -EINVAL for options out of range, -ENOMEM.
int flow_table_create(
	const struct flow_table_options *options, struct flow_table **out, struct error *err);
void flow_table_destroy(struct flow_table *table); // emits nothing; NULL is fine

// Adds a packet to its flow, new or not; emits what ended by its time.
void flow_table_add(struct flow_table *table, const struct flow_packet *packet);
// Emits at most `budget` flows that ended by now_ns; for times when no packet comes.
void flow_table_expire(struct flow_table *table, uint64_t now_ns, uint32_t budget);
// Emits all flows: closed ones, then open ones, each in the order of their last packet.
void flow_table_flush(struct flow_table *table);
const struct flow_table_stats *flow_table_stats(const struct flow_table *table);
