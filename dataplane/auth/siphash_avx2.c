// SPDX-License-Identifier: BSD-3-Clause
// Four messages in a vector, and two vectors in turns, so that one computes while the other waits.
#include "dataplane/auth/siphash_kernels.h"

#include <immintrin.h>

#define LANES 4 // of a vector

struct half { // four messages
	__m256i v0, v1, v2, v3;
	__m256i n_words; // whole ones of each
	const uint8_t *bytes[LANES];
};

static inline __m256i siphash_rotate(__m256i x, int bits)
{
	return _mm256_or_si256(_mm256_slli_epi64(x, bits), _mm256_srli_epi64(x, 64 - bits));
}

static inline __m256i siphash_rotate_16(__m256i x)
{
	return _mm256_shuffle_epi8(x,
		_mm256_setr_epi8(6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13, 6, 7, 0, 1,
			2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13));
}

static inline __m256i siphash_rotate_32(__m256i x)
{
	return _mm256_shuffle_epi32(x, 0xb1);
}

static inline void siphash_round(struct half *s)
{
	s->v0 = _mm256_add_epi64(s->v0, s->v1);
	s->v2 = _mm256_add_epi64(s->v2, s->v3);
	s->v1 = _mm256_xor_si256(siphash_rotate(s->v1, 13), s->v0);
	s->v3 = _mm256_xor_si256(siphash_rotate_16(s->v3), s->v2);
	s->v0 = siphash_rotate_32(s->v0);
	s->v2 = _mm256_add_epi64(s->v2, s->v1);
	s->v0 = _mm256_add_epi64(s->v0, s->v3);
	s->v1 = _mm256_xor_si256(siphash_rotate(s->v1, 17), s->v2);
	s->v3 = _mm256_xor_si256(siphash_rotate(s->v3, 21), s->v0);
	s->v2 = siphash_rotate_32(s->v2);
}

// All halves take a step together.
static inline __attribute__((always_inline)) void siphash_compress(
	struct half *halves, int n_halves, const __m256i *words)
{
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++)
		halves[h].v3 = _mm256_xor_si256(halves[h].v3, words[h]);
	for (int round = 0; round < 2; round++) {
#pragma GCC unroll 2
		for (int h = 0; h < n_halves; h++)
			siphash_round(&halves[h]);
	}
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++)
		halves[h].v0 = _mm256_xor_si256(halves[h].v0, words[h]);
}

// The same for the lanes whose message has a word number `index`; the others stay.
static inline __attribute__((always_inline)) void siphash_compress_some(
	struct half *halves, int n_halves, const __m256i *words, uint32_t index)
{
	struct half before[2];

#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++)
		before[h] = halves[h];
	siphash_compress(halves, n_halves, words);
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++) {
		const __m256i has =
			_mm256_cmpgt_epi64(halves[h].n_words, _mm256_set1_epi64x(index));

		halves[h].v0 = _mm256_blendv_epi8(before[h].v0, halves[h].v0, has);
		halves[h].v1 = _mm256_blendv_epi8(before[h].v1, halves[h].v1, has);
		halves[h].v2 = _mm256_blendv_epi8(before[h].v2, halves[h].v2, has);
		halves[h].v3 = _mm256_blendv_epi8(before[h].v3, halves[h].v3, has);
	}
}

// Four words of each of four messages, from word `index` on, as four vectors of one word of each. With
// `all` each message has them; else what is not a message's reads as 0.
static inline __attribute__((always_inline)) void siphash_load(
	const struct half *half, uint32_t index, int all, __m256i words[4])
{
	const __m256i places =
		_mm256_add_epi64(_mm256_set1_epi64x(index), _mm256_setr_epi64x(0, 1, 2, 3));
	long long n_words[LANES];
	__m256i lanes[LANES];

	_mm256_storeu_si256((__m256i *)n_words, half->n_words);
	for (int i = 0; i < LANES; i++) {
		const uint8_t *from = half->bytes[i] + (size_t)index * 8;

		lanes[i] = all
			? _mm256_loadu_si256((const __m256i *)from)
			: _mm256_maskload_epi64((const long long *)from,
				  _mm256_cmpgt_epi64(_mm256_set1_epi64x(n_words[i]), places));
	}
	const __m256i low_01 = _mm256_unpacklo_epi64(lanes[0], lanes[1]);
	const __m256i high_01 = _mm256_unpackhi_epi64(lanes[0], lanes[1]);
	const __m256i low_23 = _mm256_unpacklo_epi64(lanes[2], lanes[3]);
	const __m256i high_23 = _mm256_unpackhi_epi64(lanes[2], lanes[3]);

	words[0] = _mm256_permute2x128_si256(low_01, low_23, 0x20);
	words[1] = _mm256_permute2x128_si256(high_01, high_23, 0x20);
	words[2] = _mm256_permute2x128_si256(low_01, low_23, 0x31);
	words[3] = _mm256_permute2x128_si256(high_01, high_23, 0x31);
}

static inline __attribute__((always_inline)) void siphash_begin(
	struct half *half, const struct siphash_job *const *jobs)
{
	const __m256i k0 = _mm256_setr_epi64x((long long)jobs[0]->key[0],
		(long long)jobs[1]->key[0], (long long)jobs[2]->key[0], (long long)jobs[3]->key[0]);
	const __m256i k1 = _mm256_setr_epi64x((long long)jobs[0]->key[1],
		(long long)jobs[1]->key[1], (long long)jobs[2]->key[1], (long long)jobs[3]->key[1]);

	half->v0 = _mm256_xor_si256(k0, _mm256_set1_epi64x((long long)SIPHASH_INIT_0));
	half->v1 = _mm256_xor_si256(k1, _mm256_set1_epi64x((long long)SIPHASH_INIT_1));
	half->v2 = _mm256_xor_si256(k0, _mm256_set1_epi64x((long long)SIPHASH_INIT_2));
	half->v3 = _mm256_xor_si256(k1, _mm256_set1_epi64x((long long)SIPHASH_INIT_3));
	half->n_words = _mm256_setr_epi64x(
		jobs[0]->length / 8, jobs[1]->length / 8, jobs[2]->length / 8, jobs[3]->length / 8);
	for (int i = 0; i < LANES; i++)
		half->bytes[i] = jobs[i]->bytes;
}

static inline __attribute__((always_inline)) void siphash_lanes(
	struct siphash_job *jobs, uint32_t n, int n_halves)
{
	const struct siphash_job *of_lane[2 * LANES];
	uint32_t least = UINT32_MAX, most = 0, index = 0;
	struct half halves[2];
	__m256i words[2][4], one[2];

	for (uint32_t i = 0; i < (uint32_t)n_halves * LANES; i++) {
		// Lanes without a message of their own do the last one's once more.
		of_lane[i] = &jobs[i < n ? i : n - 1];
		least = of_lane[i]->length / 8 < least ? of_lane[i]->length / 8 : least;
		most = of_lane[i]->length / 8 > most ? of_lane[i]->length / 8 : most;
	}
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++)
		siphash_begin(&halves[h], of_lane + h * LANES);
	for (; index + 4 <= least; index += 4) {
#pragma GCC unroll 2
		for (int h = 0; h < n_halves; h++)
			siphash_load(&halves[h], index, 1, words[h]);
		for (int w = 0; w < 4; w++) {
#pragma GCC unroll 2
			for (int h = 0; h < n_halves; h++)
				one[h] = words[h][w];
			siphash_compress(halves, n_halves, one);
		}
	}
	for (; index < most; index += 4) {
#pragma GCC unroll 2
		for (int h = 0; h < n_halves; h++)
			siphash_load(&halves[h], index, 0, words[h]);
		for (uint32_t w = 0; w < 4 && index + w < most; w++) {
#pragma GCC unroll 2
			for (int h = 0; h < n_halves; h++)
				one[h] = words[h][w];
			siphash_compress_some(halves, n_halves, one, index + w);
		}
	}
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++) {
		long long last[LANES];

		for (int i = 0; i < LANES; i++) {
			const struct siphash_job *job = of_lane[h * LANES + i];

			last[i] = (long long)siphash_last_word(job->bytes, job->length);
		}
		one[h] = _mm256_loadu_si256((const __m256i *)last);
	}
	siphash_compress(halves, n_halves, one);
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++)
		halves[h].v2 = _mm256_xor_si256(halves[h].v2, _mm256_set1_epi64x(0xff));
	for (int round = 0; round < 4; round++) {
#pragma GCC unroll 2
		for (int h = 0; h < n_halves; h++)
			siphash_round(&halves[h]);
	}
#pragma GCC unroll 2
	for (int h = 0; h < n_halves; h++) {
		const struct half *s = &halves[h];
		uint64_t tags[LANES];

		_mm256_storeu_si256((__m256i *)tags,
			_mm256_xor_si256(
				_mm256_xor_si256(s->v0, s->v1), _mm256_xor_si256(s->v2, s->v3)));
		for (uint32_t i = 0; i < LANES && (uint32_t)h * LANES + i < n; i++)
			jobs[(uint32_t)h * LANES + i].tag = tags[i];
	}
}

void siphash_8__avx2(struct siphash_job *jobs, uint32_t n)
{
	if (n <= LANES)
		siphash_lanes(jobs, n, 1);
	else
		siphash_lanes(jobs, n, 2);
}
