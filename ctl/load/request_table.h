// SPDX-License-Identifier: BSD-3-Clause
// The requests on their way: which ids are outstanding, since when, and for which rows.
//
// The low bits of an id are a slot's number, the others a sequence number that never repeats: so a
// reply finds its request at once, and a stale reply is known as such. Requests are also linked in
// the order they were sent: the oldest is the next to be given up. One thread; nothing allocates
// after init.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_SLOT_BITS 20
#define REQUEST_SLOTS_MAX (1u << REQUEST_SLOT_BITS)
#define REQUEST_LOST_KEPT 65536 // ids of lost requests remembered, to know a late reply
#define REQUEST_NONE      UINT32_MAX

struct request {
	uint64_t id;           // 0: free
	uint64_t due_cycles;   // TSC: when it should have left; latency counts from here
	uint64_t sent_cycles;  // TSC: when it did; the timeout counts from here
	uint32_t payload;      // which of the payloads it carries
	uint32_t older, newer; // slots; `newer` links free slots as well
	bool measured;         // sent after the warm-up
};

struct request_table {
	struct request *slots;
	uint32_t capacity;
	uint32_t outstanding;
	uint32_t oldest, newest, first_free;
	uint64_t sequence; // of the last id given; ids sent are 1..sequence
	uint64_t *lost;    // ring of REQUEST_LOST_KEPT ids
	uint64_t n_lost;
};

enum request_answer {
	REQUEST_FOUND,
	REQUEST_LATE,      // given up before
	REQUEST_DUPLICATE, // answered before
	REQUEST_UNKNOWN,   // never sent
};

int request_table_init(struct request_table *table, uint32_t capacity); // 0 or -ENOMEM
void request_table_fini(struct request_table *table);

// Takes a slot and a new id; NULL while all slots are taken. The caller fills the rest.
struct request *request_add(struct request_table *table);

// Takes the request out. On REQUEST_FOUND *out is a copy of it.
enum request_answer request_take(struct request_table *table, uint64_t id, struct request *out);

// Gives up the oldest request if it was sent at or before `before_cycles`; false if none was.
bool request_expire(struct request_table *table, uint64_t before_cycles, struct request *out);
