// SPDX-License-Identifier: BSD-3-Clause
// What one connected peer shares with us: its regions, and the rings in them. Whatever is read there
// is read once, checked, and only then used, for the peer may change it at any moment.
//
// The server's thread makes a link, publishes it by one pointer (port.h) and frees it after a grace
// period. Of a ring only the lcore whose queue it is reads and writes.
#pragma once

#include "dataplane/memif/region.h"
#include "dataplane/memif/wire.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMIF_REGIONS_MAX        64
#define MEMIF_RINGS_MAX          64 // each way
#define MEMIF_LOG2_RING_SIZE_MAX 14
// Buffers that one frame lies in, either way. Each may be on a page of its own that the peer has not
// touched, and so cost the reader 10 us.
#define MEMIF_CHAIN_MAX 256
// All memory of a peer but hugepages. What of it is empty becomes memory when it is read, and that
// is charged to the reader.
#define MEMIF_PEER_BYTES_MAX (1ull << 30)

struct memif_ring {
	struct memif_ring_memory *memory; // NULL until it was added
	uint16_t size;
	uint16_t position;     // ours: how far it is read (client to server), or filled
	int interrupt;         // eventfd, owned; -1: none
	_Atomic(bool) is_used; // by an lcore, where several send by one ring
} __attribute__((aligned(64)));

struct memif_link {
	// What lcores read.
	uint32_t n_regions;
	uint32_t n_c2s, n_s2c;
	_Atomic(const char *) fault; // why the peer is to be turned away; whoever finds it first
	struct {
		uint8_t *base;
		uint64_t bytes;
	} memory[MEMIF_REGIONS_MAX];
	struct memif_ring c2s[MEMIF_RINGS_MAX], s2c[MEMIF_RINGS_MAX];

	// Bit set: the client is to be rung for that ring to it. A cache line of its own, behind rings.
	_Atomic(uint64_t) calls;

	// The server's.
	struct memif_region regions[MEMIF_REGIONS_MAX];
	uint64_t ordinary_bytes; // of all regions that are no hugepages
	int wake;                // eventfd that says: a fault, or calls; not owned; -1: none
};

struct memif_link *memif_link_create(int wake);   // NULL: no memory
void memif_link_destroy(struct memif_link *link); // nobody may be using it; NULL is fine

// The descriptor stays the caller's. -EINVAL, -ENOMEM with what the peer is told.
int memif_link_add_region(
	struct memif_link *link, uint16_t index, uint64_t bytes, int fd, struct error *err);
// Takes over `interrupt` where it succeeds; -1 where there is none.
int memif_link_add_ring(struct memif_link *link, const struct memif_add_ring *ring, int interrupt,
	struct error *err);
// Whether all rings are there; begins them anew.
int memif_link_begin(struct memif_link *link, struct error *err);

// Any thread, and in the handler of SIGBUS. `reason` must last.
void memif_link_fail(struct memif_link *link, const char *reason);

// Any thread: has the server's thread ring the client's eventfd of a ring to it. That may take as long as
// the client likes, for the kernel wakes all who wait for it, and there may be hundreds of thousands.
void memif_link_call(struct memif_link *link, uint32_t ring);

// Copies the next frame of a ring that has `slots` filled, at most `room` bytes of it, and stores
// how long it is in all. Returns the slots it takes; 0: the frame goes on beyond the slots, or the link
// has failed.
uint16_t memif_link_read(struct memif_link *link, const struct memif_ring *ring, uint16_t slots,
	uint8_t *to, uint32_t room, uint32_t *bytes);
// Copies a frame into the next of `slots` empty buffers. Returns the slots it takes; 0: too few, or
// the link has failed.
uint16_t memif_link_write(struct memif_link *link, const struct memif_ring *ring, uint16_t slots,
	const uint8_t *from, uint32_t bytes);
