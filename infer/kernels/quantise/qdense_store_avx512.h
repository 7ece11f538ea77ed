// SPDX-License-Identifier: BSD-3-Clause
// The epilogue in AVX-512: sums of int8 products in registers become values of y.
#pragma once

#include "infer/kernels/quantise/qdense_epilogue.h"

#ifdef __AVX512F__

#include <immintrin.h>

// Up to 64 whole numbers to bytes. min(high, v) lets NaN through, which the conversion makes the
// least of all integers, as it does what is too small for one; packing saturates.
static inline __attribute__((always_inline)) void qdense_store_bytes(
	const struct qdense *dense, uint8_t *y, uint32_t left, uint32_t panels, const __m512 *v)
{
	const __m512i order =
		_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	const __m512 high = _mm512_set1_ps((float)(dense->high - dense->zero));
	const __m512i zero = _mm512_set1_epi16((short)dense->zero);
	const __mmask64 mask = left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
	__m512i q[4], bytes;

#pragma GCC unroll 4
	for (uint32_t p = 0; p < 4; p++)
		q[p] = p < panels ? _mm512_cvtps_epi32(_mm512_min_ps(high, v[p]))
				  : _mm512_setzero_si512();
	q[0] = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero);
	q[2] = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero);
	if (dense->to == DTYPE_I8)
		bytes = _mm512_max_epi8(
			_mm512_packs_epi16(q[0], q[2]), _mm512_set1_epi8((char)dense->low));
	else
		bytes = _mm512_max_epu8(
			_mm512_packus_epi16(q[0], q[2]), _mm512_set1_epi8((char)dense->low));
	bytes = _mm512_permutexvar_epi32(order, bytes); // packing went lane by lane
	_mm512_mask_storeu_epi8(y, mask, bytes);
}

// Row `row` of y, up to 8 panels from `column`; those beyond n are left out.
static inline __attribute__((always_inline)) void qdense_store_row(const struct qdense *dense,
	void *y, uint32_t row, uint32_t column, uint32_t panels, const __m512i *sum,
	const __m512 *multiplier)
{
	const size_t at = (size_t)row * dense->n + column;
	const uint32_t left = dense->n - column;
	__m512 v[8];

#pragma GCC unroll 8
	for (uint32_t p = 0; p < panels; p++)
		v[p] = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[p]), multiplier[p]);
	if (qdense_y_bytes(dense) == 1) {
		qdense_store_bytes(dense, (uint8_t *)y + at, left, panels < 4 ? panels : 4, v);
		if (panels > 4)
			qdense_store_bytes(
				dense, (uint8_t *)y + at + 64, left - 64, panels - 4, v + 4);
		return;
	}
#pragma GCC unroll 8
	for (uint32_t p = 0; p < panels; p++) {
		const uint32_t rest = left - p * QDENSE_PANEL;
		const __mmask16 mask = rest >= 16 ? 0xffff : (__mmask16)((1u << rest) - 1);

		if (qdense_keeps_sums(dense))
			v[p] = _mm512_castsi512_ps(sum[p]);
		_mm512_mask_storeu_ps((float *)y + at + p * QDENSE_PANEL, mask, v[p]);
	}
}

#define QDENSE_FINISH_ROWS 32

// Applies the epilogue to the columns from `column` of `count` rows from `first`, at most
// QDENSE_FINISH_ROWS: from sums [count][width], 64-byte aligned, to y. x and y are those of the
// first row.
static __attribute__((noinline, unused)) void qdense_finish_tile(const struct qdense *dense,
	const struct qdense_rows *rows, uint32_t first, uint32_t count, const uint8_t *x,
	const int32_t *sums, uint32_t width, void *y, uint32_t column)
{
	const struct qdense_epilogue *epilogue = dense->epilogue;
	const __m512 low = _mm512_set1_ps(epilogue->low), high = _mm512_set1_ps(epilogue->high);
	const size_t panel_bytes = qdense_panel_bytes(dense->k);
	struct qdense_row of[QDENSE_FINISH_ROWS];

	for (uint32_t r = 0; r < count; r++)
		of[r] = qdense_row(dense, rows, first + r, x + (size_t)r * dense->k);
	for (uint32_t c = 0; c < width && column + c < dense->n; c += QDENSE_PANEL) {
		const uint32_t at = column + c;
		const char *panel = (const char *)dense->packed + at / QDENSE_PANEL * panel_bytes;
		const __m512 multiplier = _mm512_loadu_ps(panel + QDENSE_PANEL * 4);
		const __m512 bias = _mm512_loadu_ps(epilogue->bias + at);
		const __m512i zero_sums = _mm512_loadu_si512(epilogue->zero_sums + at);
		const uint32_t left = dense->n - at;
		const __mmask16 mask = (__mmask16)_bzhi_u32(0xffff, left < 16 ? left : 16);

		for (uint32_t r = 0; r < count; r++) {
			__m512i sum = _mm512_load_si512(sums + (size_t)r * width + c);
			__m512 v;

			sum = _mm512_sub_epi32(
				sum, _mm512_mullo_epi32(zero_sums, _mm512_set1_epi32(of[r].zero)));
			if (epilogue->w_zeros)
				sum = _mm512_sub_epi32(sum,
					_mm512_mullo_epi32(
						_mm512_loadu_si512(epilogue->w_zeros + at),
						_mm512_set1_epi32(of[r].sum)));
			v = _mm512_mul_ps(_mm512_set1_ps(of[r].scale), multiplier);
			v = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), v);
			v = _mm512_max_ps(low, _mm512_add_ps(v, bias)); // b where one is NaN
			_mm512_mask_storeu_ps((float *)y + (size_t)r * dense->n + at, mask,
				_mm512_min_ps(high, v));
		}
	}
}

#endif
