// SPDX-License-Identifier: BSD-3-Clause
// Memory that a peer shares with us. It stays the peer's: it may change any byte at any time, and
// where the file could not be sealed it may cut it off under us. So an access that finds no page
// behind it (SIGBUS) is caught: the region's place is taken by pages of zeros, and whoever owns the
// region is told by its flag.
#pragma once

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMIF_REGION_BYTES_MAX (1ull << 32) // as far as an offset of 32 bits reaches

struct memif_region {
	uint8_t *base;
	uint64_t bytes;        // as the peer said; what is mapped
	uint64_t mapped_bytes; // in whole pages of its file
	uint32_t guard;
	bool is_huge; // of hugetlbfs
};

// Called on whichever thread met SIGBUS, in the handler: async-signal-safe.
typedef void (*memif_region_lost)(void *context);

// Installs the handler of SIGBUS, unless it is there; it passes on what is not ours.
int memif_region_guard(struct error *err);

// Seals the file against shrinking, where it can be sealed, and maps it. It must be memory (a memfd,
// a file of tmpfs or hugetlbfs) of at least `bytes`: a page of a file on a disk, or of one that some
// process serves, would be waited for. The descriptor stays the caller's. -EINVAL, -ENOMEM.
int memif_region_map(struct memif_region *region, int fd, uint64_t bytes, memif_region_lost lost,
	void *context, struct error *err);
// Nobody may be reading it any more. One that is not mapped is fine.
void memif_region_unmap(struct memif_region *region);
