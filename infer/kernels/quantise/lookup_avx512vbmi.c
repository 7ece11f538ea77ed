// SPDX-License-Identifier: BSD-3-Clause
// 64 bytes at a time: two permutations by the low seven bits, and the highest bit chooses between them.
#include "infer/kernels/quantise/lookup.h"

#include <immintrin.h>

struct lookup_quarters {
	__m512i of[4];
};

static inline __m512i lookup_64(const struct lookup_quarters *t, __m512i x)
{
	const __m512i low = _mm512_permutex2var_epi8(t->of[0], x, t->of[1]);
	const __m512i high = _mm512_permutex2var_epi8(t->of[2], x, t->of[3]);

	return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}

void q8_lookup__avx512vbmi(const uint8_t *table, size_t count, const uint8_t *x, uint8_t *y)
{
	const struct lookup_quarters t = { { _mm512_loadu_si512(table),
		_mm512_loadu_si512(table + 64), _mm512_loadu_si512(table + 128),
		_mm512_loadu_si512(table + 192) } };
	__mmask64 rest;

	for (; count >= 64; count -= 64, x += 64, y += 64)
		_mm512_storeu_si512(y, lookup_64(&t, _mm512_loadu_si512(x)));
	rest = _cvtu64_mask64(((uint64_t)1 << count) - 1);
	_mm512_mask_storeu_epi8(y, rest, lookup_64(&t, _mm512_maskz_loadu_epi8(rest, x)));
}
