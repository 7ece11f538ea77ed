// SPDX-License-Identifier: BSD-3-Clause
// Floats that come one after another, more of them than memory may hold: beyond a limit they go to a file without
// a name below TMPDIR (else /tmp), which is mapped once it is whole, and is gone with it. Owner: one thread.
#pragma once

#include "base/error.h"

#include <stddef.h>

struct float_store {
	size_t memory_bytes; // beyond it there is a file
	float *values;       // [capacity]; once it is done, all of them
	size_t n, capacity;  // n: of all
	int file;            // -1: none
	size_t mapped_bytes; // 0: values are malloc'ed
};

void float_store_init(struct float_store *store, size_t memory_bytes);
void float_store_fini(struct float_store *store);
// -ENOMEM, or what making or writing the file says.
int float_store_add(struct float_store *store, const float *values, size_t n, struct error *err);
// No more come: store->values [n] are all of them, and may be written to.
int float_store_done(struct float_store *store, struct error *err);
