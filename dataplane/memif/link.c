// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/link.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_memcpy.h>
#include <stdlib.h>
#include <unistd.h>

#define RING_ALIGN 16 // that every client keeps

// --- Made and ended by the server's thread ------------------------------------------------------

struct memif_link *memif_link_create(int wake)
{
	struct memif_link *link = aligned_alloc(_Alignof(struct memif_link), sizeof(*link));

	if (!link)
		return NULL;
	memset(link, 0, sizeof(*link));
	link->wake = wake;
	for (uint32_t i = 0; i < MEMIF_RINGS_MAX; i++)
		link->c2s[i].interrupt = link->s2c[i].interrupt = -1;
	return link;
}

void memif_link_destroy(struct memif_link *link)
{
	if (!link)
		return;
	for (uint32_t i = 0; i < MEMIF_RINGS_MAX; i++) {
		if (link->c2s[i].interrupt >= 0)
			close(link->c2s[i].interrupt);
		if (link->s2c[i].interrupt >= 0)
			close(link->s2c[i].interrupt);
	}
	for (uint32_t i = 0; i < link->n_regions; i++)
		memif_region_unmap(&link->regions[i]);
	free(link);
}

static void link_wake_server(const struct memif_link *link)
{
	const uint64_t one = 1;

	if (link->wake < 0)
		return;
	if (write(link->wake, &one, sizeof(one)) < 0)
		return; // it is at its highest, and so wakes
}

void memif_link_fail(struct memif_link *link, const char *reason)
{
	const char *none = NULL;

	if (atomic_compare_exchange_strong(&link->fault, &none, reason))
		link_wake_server(link);
}

void memif_link_call(struct memif_link *link, uint32_t ring)
{
	// Who finds other calls has been told: the server's thread takes all there are at once.
	if (!atomic_fetch_or(&link->calls, UINT64_C(1) << ring))
		link_wake_server(link);
}

static void link_lose_region(void *context)
{
	memif_link_fail(context, "a region's memory is gone: its file was cut off");
}

int memif_link_add_region(
	struct memif_link *link, uint16_t index, uint64_t bytes, int fd, struct error *err)
{
	struct memif_region *region;
	int rc;

	if (index != link->n_regions || index >= MEMIF_REGIONS_MAX)
		return error_set(err, -EINVAL, "region %u where %u was due, of at most %d", index,
			link->n_regions, MEMIF_REGIONS_MAX);
	region = &link->regions[index];
	rc = memif_region_map(region, fd, bytes, link_lose_region, link, err);
	if (rc != 0)
		return rc;
	link->memory[index].base = region->base;
	link->memory[index].bytes = bytes;
	link->n_regions++;
	if (!region->is_huge)
		link->ordinary_bytes += bytes;
	if (link->ordinary_bytes > MEMIF_PEER_BYTES_MAX)
		return error_set(err, -EINVAL,
			"regions of more than %llu bytes in all that are no hugepages",
			MEMIF_PEER_BYTES_MAX);
	return 0;
}

int memif_link_add_ring(
	struct memif_link *link, const struct memif_add_ring *add, int interrupt, struct error *err)
{
	const bool is_c2s = add->flags & MEMIF_RING_IS_C2S;
	const char *way = is_c2s ? "to the server" : "to the client";
	struct memif_ring *ring;
	uint64_t bytes;

	if (add->index >= MEMIF_RINGS_MAX)
		return error_set(err, -EINVAL, "ring %u %s; there may be %d", add->index, way,
			MEMIF_RINGS_MAX);
	ring = is_c2s ? &link->c2s[add->index] : &link->s2c[add->index];
	if (ring->memory)
		return error_set(err, -EINVAL, "ring %u %s was added already", add->index, way);
	if (add->log2_ring_size > MEMIF_LOG2_RING_SIZE_MAX)
		return error_set(err, -EINVAL, "ring %u %s of 2^%u descriptors; 2^%d are the most",
			add->index, way, add->log2_ring_size, MEMIF_LOG2_RING_SIZE_MAX);
	if (add->region >= link->n_regions)
		return error_set(err, -EINVAL, "ring %u %s in region %u; there are %u", add->index,
			way, add->region, link->n_regions);
	bytes = sizeof(*ring->memory) + (sizeof(struct memif_descriptor) << add->log2_ring_size);
	if (add->offset % RING_ALIGN)
		return error_set(err, -EINVAL, "ring %u %s at %u, which is no multiple of %d",
			add->index, way, add->offset, RING_ALIGN);
	if (add->offset + bytes > link->memory[add->region].bytes)
		return error_set(err, -EINVAL, "ring %u %s at %u beyond region %u of %lu bytes",
			add->index, way, add->offset, add->region, link->memory[add->region].bytes);
	ring->memory = (void *)(link->memory[add->region].base + add->offset);
	ring->size = (uint16_t)(1u << add->log2_ring_size);
	ring->interrupt = interrupt;
	if (is_c2s)
		link->n_c2s++;
	else
		link->n_s2c++;
	return 0;
}

static int link_begin_rings(
	struct memif_ring *rings, uint32_t n, uint16_t flags, const char *way, struct error *err)
{
	if (!n)
		return error_set(err, -EINVAL, "no ring %s", way);
	for (uint32_t i = 0; i < n; i++) {
		struct memif_ring_memory *memory = rings[i].memory;

		if (!memory)
			return error_set(err, -EINVAL, "ring %u %s is missing", i, way);
		if (__atomic_load_n(&memory->cookie, __ATOMIC_RELAXED) != MEMIF_COOKIE)
			return error_set(
				err, -EINVAL, "ring %u %s has no cookie at its head", i, way);
		__atomic_store_n(&memory->head, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&memory->tail, 0, __ATOMIC_RELAXED);
		if (flags)
			__atomic_store_n(&memory->flags, flags, __ATOMIC_RELAXED);
	}
	return 0;
}

int memif_link_begin(struct memif_link *link, struct error *err)
{
	// We poll.
	int rc = link_begin_rings(
		link->c2s, link->n_c2s, MEMIF_RING_NO_INTERRUPT, "to the server", err);

	if (rc == 0)
		rc = link_begin_rings(link->s2c, link->n_s2c, 0, "to the client", err);
	return rc;
}

// --- What lcores do -----------------------------------------------------------------------------

// The one copy of a descriptor that is looked at.
static inline struct memif_descriptor link_descriptor(const struct memif_ring *ring, uint16_t slot)
{
	const uint64_t *at = (const uint64_t *)&ring->memory->descriptors[slot & (ring->size - 1u)];
	const uint64_t words[2] = { __atomic_load_n(&at[0], __ATOMIC_RELAXED),
		__atomic_load_n(&at[1], __ATOMIC_RELAXED) };
	struct memif_descriptor descriptor;

	memcpy(&descriptor, words, sizeof(descriptor));
	return descriptor;
}

// NULL where it is not all in its region.
static inline uint8_t *link_buffer(
	const struct memif_link *link, const struct memif_descriptor *descriptor)
{
	if (unlikely(descriptor->region >= link->n_regions ||
		    (uint64_t)descriptor->offset + descriptor->length >
			    link->memory[descriptor->region].bytes))
		return NULL;
	return link->memory[descriptor->region].base + descriptor->offset;
}

uint16_t memif_link_read(struct memif_link *link, const struct memif_ring *ring, uint16_t slots,
	uint8_t *to, uint32_t room, uint32_t *bytes)
{
	uint64_t total = 0;

	for (uint16_t used = 0; used < slots && used < MEMIF_CHAIN_MAX; used++) {
		const struct memif_descriptor descriptor =
			link_descriptor(ring, (uint16_t)(ring->position + used));
		const uint8_t *buffer = link_buffer(link, &descriptor);

		if (unlikely(!buffer)) {
			memif_link_fail(link, "a descriptor points beyond its region");
			return 0;
		}
		if (likely(total < room))
			rte_memcpy(to + total, buffer,
				RTE_MIN(descriptor.length, (uint32_t)(room - total)));
		total += descriptor.length;
		if (likely(!(descriptor.flags & MEMIF_DESCRIPTOR_NEXT))) {
			*bytes = (uint32_t)RTE_MIN(total, (uint64_t)UINT32_MAX);
			return (uint16_t)(used + 1);
		}
	}
	if (slots > MEMIF_CHAIN_MAX)
		memif_link_fail(link, "a frame in too many buffers");
	return 0;
}

static inline void link_fill(
	const struct memif_ring *ring, uint16_t slot, uint16_t flags, uint32_t length)
{
	struct memif_descriptor *to = &ring->memory->descriptors[slot & (ring->size - 1u)];

	__atomic_store_n(&to->flags, flags, __ATOMIC_RELAXED);
	__atomic_store_n(&to->length, length, __ATOMIC_RELAXED);
}

uint16_t memif_link_write(struct memif_link *link, const struct memif_ring *ring, uint16_t slots,
	const uint8_t *from, uint32_t bytes)
{
	for (uint16_t used = 0; used < slots && used < MEMIF_CHAIN_MAX; used++) {
		const uint16_t slot = (uint16_t)(ring->position + used);
		const struct memif_descriptor descriptor = link_descriptor(ring, slot);
		const uint32_t n = RTE_MIN(descriptor.length, bytes);
		uint8_t *buffer = link_buffer(link, &descriptor);

		if (unlikely(!buffer || !n)) {
			memif_link_fail(link,
				buffer ? "an empty buffer has no bytes"
				       : "a descriptor points beyond its region");
			return 0;
		}
		rte_memcpy(buffer, from, n);
		from += n;
		bytes -= n;
		link_fill(ring, slot, bytes ? MEMIF_DESCRIPTOR_NEXT : 0, n);
		if (likely(!bytes))
			return (uint16_t)(used + 1);
	}
	if (slots >= MEMIF_CHAIN_MAX)
		memif_link_fail(link, "its buffers are too small for a frame");
	return 0;
}
