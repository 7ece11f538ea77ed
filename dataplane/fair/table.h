// SPDX-License-Identifier: BSD-3-Clause
// The busiest clients of one lcore, in a table whose size nobody outside can change: sets of eight places, of which a
// keyed hash chooses one. Written by its lcore alone; the control thread reads it meanwhile (table_read()).
//
// A client that the table has no room for takes the place of the least busy stranger in its set, and with a probability
// of one in that one's count only ("randomised admission", Ben Basat et al., 2017): a flood of addresses that
// come once each raises the counts that it has to beat ever more slowly, while a busy client gets in soon. One that
// has asked TABLE_KNOWN_REQUESTS times is known, and while it is heard at least every TABLE_IDLE_SECONDS no
// stranger takes its place, whatever their number: but for clients that are named in the configuration, or known by
// their key, for which the least busy of those who are neither makes room.
#pragma once

#include "dataplane/fair/hash.h"
#include "dataplane/fair/rules.h"

#include <stdatomic.h>

#define TABLE_SETS           128
#define TABLE_WAYS           8
#define TABLE_ENTRIES        (TABLE_SETS * TABLE_WAYS)
#define TABLE_KNOWN_REQUESTS 16
#define TABLE_IDLE_SECONDS   10
#define TABLE_PARTS          64 // that a client's rate is divided into among lcores

struct table_counts {
	uint64_t requests, rows; // all, and rows of all
	uint64_t over_rate, over_share;
};

struct table_entry {
	// The lcore's own.
	struct client client;
	uint64_t hash; // of it
	uint64_t due;  // see fair.c
	struct meter requests, rows;
	uint64_t last;       // TSC of its last request
	uint64_t generation; // of the rules that `rule` and the meters are of
	uint64_t inherited;  // requests of those whose place it took, all together at most
	uint64_t second;     // TSC at which `second_requests` began to be counted
	uint32_t second_requests;
	uint16_t rule;
	bool is_known;
	bool is_trusted; // named, or known by its key

	// Read by the control thread, too.
	struct table_counts counts;
	uint32_t a_second; // requests, as counted over the last second in which there were any

	// Written by the control thread: the upper half of the hash of the client that it is meant for, and how many
	// tokens a request takes here: where the lcore gives it but a part of its rate, so many times more. 0: METER_UNIT.
	_Atomic(uint64_t) price;
} __rte_cache_aligned;

struct table {
	uint64_t tags[TABLE_SETS][TABLE_WAYS] __rte_cache_aligned; // hashes; 0: the place is free
	struct table_entry entries[TABLE_SETS][TABLE_WAYS];
	struct table_entry rest; // all that have no place, together
	struct hash_key key;
	uint64_t idle_cycles, second_cycles;
	uint64_t random;
	uint64_t entered, displaced; // clients; read by the control thread
};

// All lcores get the same key: a client is in the same set of each table.
void table_init(struct table *table, const struct hash_key *key, uint64_t tsc_hz);

// The entry of a client that asks now: its own or, where there is no room, table->rest. Its meters are those of
// rules->rules[entry->rule].
struct table_entry *table_find(
	struct table *table, const struct rules *rules, const struct client *client, uint64_t now);

// Tokens that a request of an entry's client, or a row, takes here.
static inline uint32_t table_price(const struct table_entry *entry)
{
	const uint64_t price = atomic_load_explicit(&entry->price, memory_order_relaxed);

	return price && price >> 32 == entry->hash >> 32 ? (uint32_t)price : METER_UNIT;
}

// The control thread's: from here on the lcore gives the client of that hash `parts` of TABLE_PARTS of its rate, one
// at least.
static inline void table_set_price(struct table_entry *entry, uint64_t hash, uint32_t parts)
{
	atomic_store_explicit(&entry->price, hash >> 32 << 32 | METER_UNIT * TABLE_PARTS / parts,
		memory_order_relaxed);
}

// For the control thread: a copy of what an entry shows, taken whole. False where there is nobody.
struct table_view {
	uint64_t hash;
	struct client client;
	struct table_counts counts;
	uint64_t last;
	uint32_t a_second;
	bool is_known;
};
bool table_read(const struct table *table, uint32_t set, uint32_t way, struct table_view *view);
