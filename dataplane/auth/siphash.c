// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/siphash.h"

#include "infer/infer.h"

#include <string.h>

struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_round(struct siphash_state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 = siphash_rotate(s->v2, 32);
}

static inline void siphash_compress(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

uint64_t siphash(const void *bytes, size_t length, const uint64_t key[2])
{
	struct siphash_state s = { SIPHASH_INIT_0 ^ key[0], SIPHASH_INIT_1 ^ key[1],
		SIPHASH_INIT_2 ^ key[0], SIPHASH_INIT_3 ^ key[1] };
	const uint8_t *at = bytes;
	uint64_t word;

	for (size_t i = 0; i < length / 8; i++) {
		memcpy(&word, at + i * 8, sizeof(word));
		siphash_compress(&s, word);
	}
	siphash_compress(&s, siphash_last_word(at, (uint32_t)length));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void siphash_8__scalar(struct siphash_job *jobs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		jobs[i].tag = siphash(jobs[i].bytes, jobs[i].length, jobs[i].key);
}

siphash_kernel *siphash_pick(unsigned isa_mask)
{
#if defined(__x86_64__)
	if (isa_mask & ISA_AVX512)
		return siphash_8__avx512;
	if (isa_mask & ISA_AVX2)
		return siphash_8__avx2;
#endif
	return siphash_8__scalar;
}

// A vector takes as long for one message as for all of its lanes: some three times what scalar registers do.
#define VECTOR_LEAST 3

void siphash_many(siphash_kernel *kernel, struct siphash_job *jobs, uint32_t n)
{
	while (n >= VECTOR_LEAST) {
		const uint32_t some = n < SIPHASH_LANES ? n : SIPHASH_LANES;

		kernel(jobs, some);
		jobs += some;
		n -= some;
	}
	if (n)
		siphash_8__scalar(jobs, n);
}
