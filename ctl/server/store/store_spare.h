// SPDX-License-Identifier: BSD-3-Clause
// Descriptors that the store keeps for itself, so that it can be read and written where the rest of
// the process has used up all others. Whoever has the turn of the store (one operation at a time).
#pragma once

#include <stdbool.h>

struct store;

void store_spare_init(struct store *store); // holds none yet
// Takes as many as are wanting and can be had.
void store_spare_fill(struct store *store);
// Whether what failed with `rc` can be tried again: it lacked a descriptor, and one was let go for it.
bool store_spare_give(struct store *store, int rc);
void store_spare_fini(struct store *store);
