// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/trees/trees_blocks.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

static inline uint8_t blocks_rank_of(
	const struct blocks *blocks, const struct block_column *c, const float *row)
{
	const float x = row[c->column.feature];
	const __m512 value = _mm512_set1_ps(x);
	const float *thresholds = blocks->thresholds + c->first * 16ul;
	uint32_t rank = 0;

	if ((c->column.kind & TREE_TEST_BITS) != TREE_LESS)
		return trees_decide(blocks->plain, c->column.branch, x) ? 0 : RANK_FALSE;
	for (uint32_t v = 0; v < c->count; v++)
		rank += (uint32_t)_mm_popcnt_u32(_mm512_cmp_ps_mask(
			value, _mm512_load_ps(thresholds + v * 16ul), _CMP_GE_OQ));
	if (x != x && !(c->column.kind & TREE_MISSING_TRUE))
		return RANK_FALSE;
	return (uint8_t)rank;
}

// Decides all branches: one bit each.
static inline void blocks_decide(
	const struct blocks *blocks, const uint8_t *ranks, uint64_t *decisions)
{
	const __m512i low = _mm512_load_si512(ranks), high = _mm512_load_si512(ranks + 64);
	const uint8_t *column = blocks->branch_column, *below = blocks->branch_below;

	for (uint32_t g = 0; g < blocks->n_groups; g++, column += 64, below += 64) {
		const __m512i index = _mm512_load_si512(column);
		const __m512i rank = blocks->n_columns <= 64
			? _mm512_permutexvar_epi8(index, low)
			: _mm512_permutex2var_epi8(low, index, high);

		_store_mask64((__mmask64 *)&decisions[g],
			_mm512_cmplt_epu8_mask(rank, _mm512_load_si512(below)));
	}
}

static inline __m512 blocks_add_block(
	__m512 sum, const struct leaf_block *block, const uint8_t *decisions, uint32_t window)
{
	uint32_t decided;
	__mmask16 agrees;

	memcpy(&decided, decisions + window, sizeof(decided));
	agrees = _mm512_cmpeq_epi32_mask(
		_mm512_and_si512(_mm512_set1_epi32((int)decided), _mm512_load_si512(block->asked)),
		_mm512_load_si512(block->wanted));
	return _mm512_mask_add_ps(sum, agrees, sum, _mm512_load_ps(block->weight));
}

// The sum over the blocks of a run, in four accumulators in rotation: an addition takes four
// cycles.
static inline float blocks_add_run(const struct leaf_block *blocks, const uint32_t *window,
	uint32_t n, const uint8_t *decisions)
{
	__m512 sum[4] = { _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
		_mm512_setzero_ps() };
	uint32_t i = 0;

	for (; i + 4 <= n; i += 4) {
#pragma GCC unroll 4
		for (uint32_t k = 0; k < 4; k++)
			sum[k] = blocks_add_block(sum[k], &blocks[i + k], decisions, window[i + k]);
	}
	for (; i < n; i++)
		sum[0] = blocks_add_block(sum[0], &blocks[i], decisions, window[i]);
	return _mm512_reduce_add_ps(
		_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

void u8_trees_1x64__avx512vbmi(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct blocks *blocks = packed;
	_Alignas(64) uint8_t ranks[BLOCKS_COLUMNS_MAX] = { 0 };
	uint64_t decisions[BLOCKS_BITS_MAX / 64 + 1];

	assert(blocks->n_columns <= BLOCKS_COLUMNS_MAX && blocks->n_groups <= BLOCKS_BITS_MAX / 64);
	decisions[blocks->n_groups] = 0; // a window may end behind the last one
	for (uint32_t row = 0; row < m; row++, x += ldx, y += ldy) {
		const struct leaf_block *leaf = blocks->leaf;
		const uint32_t *window = blocks->window;

		for (uint32_t c = 0; c < blocks->n_columns; c++)
			ranks[c] = blocks_rank_of(blocks, &blocks->columns[c], x);
		blocks_decide(blocks, ranks, decisions);
		memcpy(y, blocks->base, blocks->n_targets * sizeof(*y));
		for (uint32_t r = 0; r < blocks->n_runs; r++) {
			const uint32_t n = blocks->runs[r].n_blocks;

			y[blocks->runs[r].target] +=
				blocks_add_run(leaf, window, n, (const uint8_t *)decisions);
			leaf += n;
			window += n;
		}
	}
}
