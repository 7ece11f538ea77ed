// SPDX-License-Identifier: BSD-3-Clause
// Internet checksum (RFC 1071) in pieces: sums of 16-bit words as they lie in memory, which may be
// added in any order and folded at the end. Every piece must begin at an even offset of the packet.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

// Sum of `size` bytes, folded to 16 bits; an odd last byte counts as if a zero followed.
static inline uint32_t checksum_sum(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t low = 0, high = 0, word = 0;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&word, p, 8);
		low += word & 0xffffffff;
		high += word >> 32;
	}
	word = 0;
	memcpy(&word, p, size);
	return checksum_fold(checksum_fold(low + high) + (word & 0xffffffff) + (word >> 32));
}

// What goes into the header: never 0 for UDP, where 0 means "none".
static inline uint16_t checksum_finish(uint64_t sum)
{
	const uint16_t checksum = (uint16_t)~checksum_fold(sum);

	return checksum ? checksum : 0xffff;
}
