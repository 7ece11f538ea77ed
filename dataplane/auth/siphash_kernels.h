// SPDX-License-Identifier: BSD-3-Clause
// What the kernels of SipHash share: a job, their names, and what a message ends and a state begins with. Each kernel
// stands in the file of its instruction set; siphash.h has who uses them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_LANES 8

struct siphash_job {
	const uint8_t *bytes; // not written, and nothing past its end is read
	uint32_t length;
	uint64_t key[2]; // as the 16 bytes of the key lie, little-endian
	uint64_t tag;    // the result
};

// Makes the tags of jobs[n], 1 to SIPHASH_LANES.
typedef void siphash_kernel(struct siphash_job *jobs, uint32_t n);

siphash_kernel siphash_8__scalar; // the truth
#if defined(__x86_64__)
siphash_kernel siphash_8__avx2, siphash_8__avx512;
#endif

// The last word of a message: what is left of it behind its whole words, and its length.
static inline uint64_t siphash_last_word(const uint8_t *bytes, uint32_t length)
{
	const uint8_t *rest = bytes + length / 8 * 8;
	uint64_t word = (uint64_t)length << 56;

	for (uint32_t i = 0; i < length % 8; i++)
		word |= (uint64_t)rest[i] << 8 * i;
	return word;
}

// What the state begins with: "somepseudorandomlygeneratedbytes".
#define SIPHASH_INIT_0 0x736f6d6570736575ull
#define SIPHASH_INIT_1 0x646f72616e646f6dull
#define SIPHASH_INIT_2 0x6c7967656e657261ull
#define SIPHASH_INIT_3 0x7465646279746573ull
