// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum (RFC 1071) in 64-bit words, and its incremental update (RFC 1624).
// Sums are kept in memory order: what is folded goes into a header as it is, without a swap.
#pragma once

#include <stdint.h>
#include <string.h>

// One's complement addition: the carry goes round.
static inline uint64_t checksum_add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint64_t checksum_load64(const void *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

// Adds `n` bytes, any alignment. An odd last byte counts as if a zero followed.
static inline uint64_t checksum_bytes(uint64_t sum, const void *data, uint32_t n)
{
	const uint8_t *p = data;
	uint64_t other = 0;

	for (; n >= 32; n -= 32, p += 32) {
		sum = checksum_add(sum, checksum_load64(p));
		other = checksum_add(other, checksum_load64(p + 8));
		sum = checksum_add(sum, checksum_load64(p + 16));
		other = checksum_add(other, checksum_load64(p + 24));
	}
	for (; n >= 8; n -= 8, p += 8)
		sum = checksum_add(sum, checksum_load64(p));
	if (n) {
		uint64_t tail = 0;

		memcpy(&tail, p, n);
		sum = checksum_add(sum, tail);
	}
	return checksum_add(sum, other);
}

static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

// The checksum of a message whose words summed to `sum`.
static inline uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

// A message's checksum after words that summed to `before` came to sum to `after`.
static inline uint16_t checksum_update(uint16_t checksum, uint64_t before, uint64_t after)
{
	uint64_t sum = (uint16_t)~checksum;

	sum += (uint16_t)~checksum_fold(before);
	sum += checksum_fold(after);
	return checksum_finish(sum);
}

// Sum of an IPv4 header of 20 bytes without options.
static inline uint64_t checksum_ipv4_sum(const void *header)
{
	uint32_t words[5];

	memcpy(words, header, sizeof(words));
	return (uint64_t)words[0] + words[1] + words[2] + words[3] + words[4];
}
