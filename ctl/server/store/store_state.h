// SPDX-License-Identifier: BSD-3-Clause
// What store.c and store_io.c share.
#pragma once

#include "ctl/server/store/store.h"

#include <liburing.h>

#define STORE_TEMPORARY_PREFIX ".tmp-"

struct store {
	char *path;
	int lock;   // flock'ed while the store is open
	int models; // the folder of models
	struct io_uring ring;
	bool has_ring;
	int eventfd;
	struct event *completed;
	uint64_t n_temporary; // gives temporary files their names
};

int store_ring_init(struct store *store, struct event_base *base);
void store_ring_fini(struct store *store);
