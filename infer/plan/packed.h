// SPDX-License-Identifier: BSD-3-Clause
// What a plan has packed, by what it was packed from: steps with the same constants, as those of a loop
// that was unrolled, share one copy. While a plan is built, by one thread.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

// Compared byte by byte: all of it must be set.
struct packed_key {
	const void *form;    // how it is packed: an address that stands for it
	const void *from[4]; // constants of the graph; NULL: none
	uint64_t numbers[5]; // dimensions, and whatever else the packed form depends on
};

struct packed_entry {
	struct packed_key key;
	const void *packed; // NULL: free
};

struct packed_table {                 // open-addressed
	struct packed_entry *entries; // [size], a power of two
	size_t size, count;
};

// NULL: nothing is there.
const void *packed_find(const struct packed_table *table, const struct packed_key *key);
// Notes what a key has; another value of the same key is replaced. -ENOMEM.
int packed_keep(struct packed_table *table, const struct packed_key *key, const void *packed,
	struct error *err);
void packed_fini(struct packed_table *table);
