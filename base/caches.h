// SPDX-License-Identifier: BSD-3-Clause
// The data caches of this machine's first CPU, as the kernel tells them. One thread; nothing is kept.
#pragma once

#include <stddef.h>

#define CACHES_LEVELS 4

struct caches {
	size_t bytes[CACHES_LEVELS]; // of level 1, 2, 3 and 4; 0: there is none, or nobody says
};

// Reads them below `folder`, "/sys/devices/system/cpu/cpu0/cache" where it is NULL; all 0 where that is not there.
void caches_read(const char *folder, struct caches *caches);
// The first level that holds as many bytes, from 1; 0: none does.
unsigned caches_level(const struct caches *caches, size_t bytes);
