// SPDX-License-Identifier: BSD-3-Clause
// Packets put back in the order of their times, as far as a fixed number of them can be held back:
// captures of several queues or interfaces hold some a little too late. Memory is taken at creation.
// One thread.
#pragma once

#include "base/error.h"
#include "dataplane/flow/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct order;

struct order_stats {
	uint64_t unordered; // packets that came after one of a later time
	uint64_t late;      // of those, handed on behind a later one: held back too few
};

// Holds back `capacity` packets, 1 or more. -ENOMEM.
int order_create(uint32_t capacity, struct order **out, struct error *err);
void order_destroy(struct order *order); // NULL is fine

// Puts a packet in. True: there was no room for one more, and *first is the earliest of all; of two
// at the same time that which came first.
bool order_put(struct order *order, const struct flow_packet *packet, struct flow_packet *first);
// Takes out the earliest packet; false: there is none.
bool order_take(struct order *order, struct flow_packet *first);
const struct order_stats *order_stats(const struct order *order);
