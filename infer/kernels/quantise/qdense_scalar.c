// SPDX-License-Identifier: BSD-3-Clause
// The packing and the table of the int8 kernels, and the scalar one, which is the truth for the
// others.
#include "infer/graph/requantise.h"
#include "infer/kernels/quantise/qdense_epilogue.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t qdense_packed_bytes(uint32_t k, uint32_t n)
{
	const size_t panels = (n + QDENSE_PANEL - 1) / QDENSE_PANEL;

	return panels * qdense_panel_bytes(k) + align_up(panels, KERNEL_ALIGN);
}

int32_t qdense_words_load(const int8_t *w, uint32_t k, size_t stride)
{
	int32_t most = 0;

	for (uint32_t i = 0; i < k; i += 8) {
		int32_t sums[2][2] = { 0 }; // [which four][are they negative?]

		for (uint32_t at = 0; at < 8 && i + at < k; at++) {
			// A weight, no character: NOLINTNEXTLINE(bugprone-signed-char-misuse)
			const int32_t value = w[(size_t)(i + at) * stride];

			sums[at / 2 % 2][value < 0] += value < 0 ? -value : value;
		}
		for (uint32_t s = 0; s < 4; s++)
			most = sums[s / 2][s % 2] > most ? sums[s / 2][s % 2] : most;
	}
	return most;
}

void qdense_pack(const struct qdense *dense, void *packed, const int8_t *w, const int32_t *b,
	const float *multiplier)
{
	uint8_t *fits = (uint8_t *)packed + qdense_panels(dense) * qdense_panel_bytes(dense->k);

	memset(packed, 0, qdense_packed_bytes(dense->k, dense->n));
	memset(fits, 1, qdense_panels(dense));
	for (uint32_t c = 0; c < dense->n; c++) {
		char *panel = (char *)packed + c / QDENSE_PANEL * qdense_panel_bytes(dense->k);
		const uint32_t at = c % QDENSE_PANEL;
		int8_t *to = (int8_t *)panel + QDENSE_PANEL * 8;
		uint32_t sum = 0, bias;

		for (uint32_t i = 0; i < dense->k; i++) {
			const int8_t value = w[(size_t)i * dense->n + c];

			to[(size_t)(i / 4) * QDENSE_PANEL * 4 + at * 4 + i % 4] = value;
			sum += (uint32_t)value;
		}
		bias = (b ? (uint32_t)b[c] : 0) - (dense->x_signed ? sum * 128 : 0);
		memcpy((uint32_t *)panel + at, &bias, sizeof(bias));
		if (qdense_words_load(w + c, dense->k, dense->n) > QDENSE_WORDS_MAX)
			fits[c / QDENSE_PANEL] = 0;
		if (multiplier)
			memcpy((float *)(void *)panel + QDENSE_PANEL + at, &multiplier[c],
				sizeof(float));
	}
}

static void qdense_store_scalar(
	const struct qdense *dense, void *y, size_t at, int32_t sum, float multiplier)
{
	const float v = (float)sum * multiplier;

	if (qdense_keeps_sums(dense)) {
		((int32_t *)y)[at] = sum;
		return;
	}
	if (dense->to == DTYPE_F32) {
		((float *)y)[at] = v;
		return;
	}
	((uint8_t *)y)[at] = (uint8_t)requantise(v, dense->zero, dense->low, dense->high);
}

static void qdense_row_of(const struct qdense *dense, uint32_t row, const uint8_t *x, void *y)
{
	const uint8_t flip = dense->x_signed ? 0x80 : 0;

	for (uint32_t c = 0; c < dense->n; c++) {
		const char *panel = (const char *)dense->packed +
			c / QDENSE_PANEL * qdense_panel_bytes(dense->k);
		const uint32_t at = c % QDENSE_PANEL;
		const int8_t *w = (const int8_t *)panel + QDENSE_PANEL * 8 + at * 4;
		uint32_t sum = ((const uint32_t *)panel)[at];

		for (uint32_t i = 0; i < dense->k; i++)
			sum += (uint32_t)((x[i] ^ flip) *
				w[(size_t)(i / 4) * QDENSE_PANEL * 4 + i % 4]);
		qdense_store_scalar(dense, y, (size_t)row * dense->n + c, (int32_t)sum,
			((const float *)(const void *)panel)[QDENSE_PANEL + at]);
	}
}

void q8_dense_1x16__scalar(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *rows, void *y)
{
	assert(dense->k >= 1 && dense->n >= 1);
	for (uint32_t row = 0; row < m; row++, x += dense->k) {
		qdense_row_of(dense, row, x, y);
		if (dense->epilogue)
			qdense_finish(dense, rows, row, 1, x, (float *)y + (size_t)row * dense->n);
	}
}

KERNEL_TABLE_DEFINE(qdense, QDENSE, KERNEL_ENTRY)
