// SPDX-License-Identifier: BSD-3-Clause
// Eight messages in a vector.
#include "dataplane/auth/siphash_kernels.h"

#include <immintrin.h>

struct siphash_state {
	__m512i v0, v1, v2, v3;
};

static inline void siphash_round(struct siphash_state *s)
{
	s->v0 = _mm512_add_epi64(s->v0, s->v1);
	s->v2 = _mm512_add_epi64(s->v2, s->v3);
	s->v1 = _mm512_xor_si512(_mm512_rol_epi64(s->v1, 13), s->v0);
	s->v3 = _mm512_xor_si512(_mm512_rol_epi64(s->v3, 16), s->v2);
	s->v0 = _mm512_rol_epi64(s->v0, 32);
	s->v2 = _mm512_add_epi64(s->v2, s->v1);
	s->v0 = _mm512_add_epi64(s->v0, s->v3);
	s->v1 = _mm512_xor_si512(_mm512_rol_epi64(s->v1, 17), s->v2);
	s->v3 = _mm512_xor_si512(_mm512_rol_epi64(s->v3, 21), s->v0);
	s->v2 = _mm512_rol_epi64(s->v2, 32);
}

static inline void siphash_compress(struct siphash_state *s, __m512i word)
{
	s->v3 = _mm512_xor_si512(s->v3, word);
	siphash_round(s);
	siphash_round(s);
	s->v0 = _mm512_xor_si512(s->v0, word);
}

// The same for the lanes of `has`; the others stay.
static inline void siphash_compress_some(struct siphash_state *s, __m512i word, __mmask8 has)
{
	struct siphash_state next = *s;

	siphash_compress(&next, word);
	s->v0 = _mm512_mask_mov_epi64(s->v0, has, next.v0);
	s->v1 = _mm512_mask_mov_epi64(s->v1, has, next.v1);
	s->v2 = _mm512_mask_mov_epi64(s->v2, has, next.v2);
	s->v3 = _mm512_mask_mov_epi64(s->v3, has, next.v3);
}

// Rows to columns, 8 by 8: words[w] becomes word w of each lane.
static inline void siphash_transpose(const __m512i lanes[8], __m512i words[8])
{
	__m512i pairs[8], fours[8];

	for (int i = 0; i < 8; i += 2) {
		pairs[i] = _mm512_unpacklo_epi64(lanes[i], lanes[i + 1]);
		pairs[i + 1] = _mm512_unpackhi_epi64(lanes[i], lanes[i + 1]);
	}
	for (int i = 0; i < 8; i += 4)
		for (int k = 0; k < 2; k++) {
			fours[i + k] = _mm512_shuffle_i64x2(pairs[i + k], pairs[i + k + 2], 0x88);
			fours[i + k + 2] =
				_mm512_shuffle_i64x2(pairs[i + k], pairs[i + k + 2], 0xdd);
		}
	for (int k = 0; k < 4; k++) {
		words[k] = _mm512_shuffle_i64x2(fours[k], fours[k + 4], 0x88);
		words[k + 4] = _mm512_shuffle_i64x2(fours[k], fours[k + 4], 0xdd);
	}
}

// Eight words of each message, from word `index` on. What is not a message's reads as 0.
static inline void siphash_load(
	const struct siphash_job *const jobs[SIPHASH_LANES], uint32_t index, __m512i words[8])
{
	__m512i lanes[SIPHASH_LANES];

	for (int i = 0; i < SIPHASH_LANES; i++) {
		const uint32_t n_words = jobs[i]->length / 8;
		const uint32_t left = n_words > index ? n_words - index : 0;
		const __mmask8 has = left < 8 ? (__mmask8)((1u << left) - 1) : 0xff;

		lanes[i] = _mm512_maskz_loadu_epi64(has, jobs[i]->bytes + (size_t)index * 8);
	}
	siphash_transpose(lanes, words);
}

void siphash_8__avx512(struct siphash_job *jobs, uint32_t n)
{
	uint64_t k0[8], k1[8], n_words[8], last[8], tags[8];
	const struct siphash_job *of_lane[SIPHASH_LANES];
	uint32_t least = UINT32_MAX, most = 0;
	struct siphash_state s;
	__m512i words[8];

	for (uint32_t i = 0; i < SIPHASH_LANES; i++) {
		// Lanes without a message of their own do the last one's once more.
		const struct siphash_job *job = of_lane[i] = &jobs[i < n ? i : n - 1];

		k0[i] = job->key[0];
		k1[i] = job->key[1];
		n_words[i] = job->length / 8;
		last[i] = siphash_last_word(job->bytes, job->length);
		least = job->length / 8 < least ? job->length / 8 : least;
		most = job->length / 8 > most ? job->length / 8 : most;
	}
	s.v0 = _mm512_xor_si512(
		_mm512_loadu_si512(k0), _mm512_set1_epi64((long long)SIPHASH_INIT_0));
	s.v1 = _mm512_xor_si512(
		_mm512_loadu_si512(k1), _mm512_set1_epi64((long long)SIPHASH_INIT_1));
	s.v2 = _mm512_xor_si512(
		_mm512_loadu_si512(k0), _mm512_set1_epi64((long long)SIPHASH_INIT_2));
	s.v3 = _mm512_xor_si512(
		_mm512_loadu_si512(k1), _mm512_set1_epi64((long long)SIPHASH_INIT_3));
	for (uint32_t index = 0; index < most; index += 8) {
		siphash_load(of_lane, index, words);
		for (uint32_t w = 0; w < 8 && index + w < most; w++)
			if (index + w < least)
				siphash_compress(&s, words[w]);
			else
				siphash_compress_some(&s, words[w],
					_mm512_cmpgt_epu64_mask(_mm512_loadu_si512(n_words),
						_mm512_set1_epi64(index + w)));
	}
	siphash_compress(&s, _mm512_loadu_si512(last));
	s.v2 = _mm512_xor_si512(s.v2, _mm512_set1_epi64(0xff));
	for (int round = 0; round < 4; round++)
		siphash_round(&s);
	_mm512_storeu_si512(
		tags, _mm512_xor_si512(_mm512_xor_si512(s.v0, s.v1), _mm512_xor_si512(s.v2, s.v3)));
	for (uint32_t i = 0; i < n; i++)
		jobs[i].tag = tags[i];
}
