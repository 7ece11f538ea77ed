// SPDX-License-Identifier: BSD-3-Clause
// What store.c and store_change.c share.
#pragma once

#include "ctl/server/store/disk.h"

#define STORE_TEMPORARY_PREFIX ".tmp-"
#define STORE_SPARES           4 // a change has a folder and a file open

struct store {
	char *path;
	int lock;          // flock'ed while the store is open
	int models;        // the folder of models
	struct disk *disk; // who makes the calls of changes
	bool has_ring;     // it is a disk_ring
	bool is_cancelled;
	int spare[STORE_SPARES]; // store_spare.h; -1: none
	uint64_t n_temporary;    // gives temporary files their names
};
