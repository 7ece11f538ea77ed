// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/trees/trees_blocks.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

// A byte for every column or question.
struct blocks_bytes {
	__m512i of[BLOCKS_QUESTIONS_MAX / 64];
};

static inline uint8_t blocks_rank_of(const struct block_column *c, const float *thresholds,
	const struct trees *plain, const float *row)
{
	const float x = row[c->column.feature];
	const __m512 value = _mm512_set1_ps(x);
	uint32_t rank = 0;

	if ((c->column.kind & TREE_TEST_BITS) != TREE_LESS)
		return trees_decide(plain, c->column.branch, x) ? 0 : RANK_FALSE;
	thresholds += c->first * 16ul;
	for (uint32_t v = 0; v < c->count; v++)
		rank += (uint32_t)_mm_popcnt_u32(_mm512_cmp_ps_mask(
			value, _mm512_load_ps(thresholds + v * 16ul), _CMP_GE_OQ));
	if (x != x && !(c->column.kind & TREE_MISSING_TRUE))
		return RANK_FALSE;
	return (uint8_t)rank;
}

static inline struct blocks_bytes blocks_rank(const struct blocks *blocks, const float *x)
{
	_Alignas(64) uint8_t ranks[BLOCKS_COLUMNS_MAX] = { 0 };
	const struct block_column *columns = blocks->columns;
	const float *thresholds = blocks->thresholds;
	const struct trees *plain = blocks->plain;
	const uint32_t n = blocks->n_columns;

	for (uint32_t c = 0; c < n; c++)
		ranks[c] = blocks_rank_of(&columns[c], thresholds, plain, x);
	return (struct blocks_bytes){ { _mm512_load_si512(ranks), _mm512_load_si512(ranks + 64) } };
}

struct blocks_row {
	__m512 x[BLOCKS_ROW_MAX / 16];
};

static inline struct blocks_row blocks_load_row(const float *x, uint32_t n)
{
	const uint64_t features = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
	struct blocks_row row;

#pragma GCC unroll 4
	for (int i = 0; i < BLOCKS_ROW_MAX / 16; i++)
		row.x[i] = _mm512_maskz_loadu_ps((__mmask16)(features >> 16 * i), x + 16 * i);
	return row;
}

// The row's values of 16 features.
static inline __m512 blocks_pick(const struct blocks_row *row, __m512i feature)
{
	const __m512 first = _mm512_permutex2var_ps(row->x[0], feature, row->x[1]);
	const __m512 second = _mm512_permutex2var_ps(row->x[2], feature, row->x[3]);

	return _mm512_mask_mov_ps(
		first, _mm512_test_epi32_mask(feature, _mm512_set1_epi32(32)), second);
}

// Asks up to 64 questions: a byte of 255 for each that is answered by no.
static inline __m512i blocks_ask(const struct block_questions *questions, uint32_t n_vectors,
	uint64_t missing_true, const struct blocks_row *row)
{
	uint64_t no = 0, missing = 0;

	for (uint32_t v = 0; v < n_vectors; v++) {
		const __m512 x = blocks_pick(row, _mm512_load_si512(questions[v].feature));
		const __m512 threshold = _mm512_load_ps(questions[v].threshold);

		no |= (uint64_t)_mm512_cmp_ps_mask(x, threshold, _CMP_NLT_UQ) << 16 * v;
		missing |= (uint64_t)_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) << 16 * v;
	}
	return _mm512_movm_epi8(_cvtu64_mask64(no & ~(missing & missing_true)));
}

static inline struct blocks_bytes blocks_ask_all(const struct blocks *blocks, const float *x)
{
	const struct blocks_row row = blocks_load_row(x, blocks->n_features);
	struct blocks_bytes bytes = { 0 };

#pragma GCC unroll 4
	for (uint32_t i = 0; i < BLOCKS_QUESTIONS_MAX / 64; i++) {
		const uint32_t n = blocks->n_questions > 4 * i ? blocks->n_questions - 4 * i : 0;

		if (n > 0)
			bytes.of[i] = blocks_ask(blocks->questions + 4ul * i, n < 4 ? n : 4,
				blocks->missing_true[i], &row);
	}
	return bytes;
}

// The bytes with the numbers in `index`, of 64, 128 or more bytes.
static inline __m512i blocks_pick_bytes(struct blocks_bytes bytes, uint32_t n, __m512i index)
{
	__m512i low;

	if (n <= 64)
		return _mm512_permutexvar_epi8(index, bytes.of[0]);
	low = _mm512_permutex2var_epi8(bytes.of[0], index, bytes.of[1]);
	if (n <= 128)
		return low;
	return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(index),
		_mm512_permutex2var_epi8(bytes.of[2], index, bytes.of[3]));
}

// Decides all branches: one bit each.
static inline void blocks_decide(
	const struct blocks *blocks, struct blocks_bytes bytes, uint64_t *decisions)
{
	const uint32_t n =
		blocks->n_questions ? blocks->n_questions * BLOCK_QUESTIONS : blocks->n_columns;
	const uint8_t *column = blocks->branch_column, *below = blocks->branch_below;

	for (uint32_t g = 0; g < blocks->n_groups; g++, column += 64, below += 64) {
		const __m512i byte = blocks_pick_bytes(bytes, n, _mm512_load_si512(column));

		_store_mask64((__mmask64 *)&decisions[g],
			_mm512_cmplt_epu8_mask(byte, _mm512_load_si512(below)));
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
	uint64_t decisions[BLOCKS_BITS_MAX / 64 + 1];

	assert(blocks->n_columns <= BLOCKS_COLUMNS_MAX && blocks->n_groups <= BLOCKS_BITS_MAX / 64);
	decisions[blocks->n_groups] = 0; // a window may end behind the last one
	for (uint32_t row = 0; row < m; row++, x += ldx, y += ldy) {
		const struct leaf_block *leaf = blocks->leaf;
		const uint32_t *window = blocks->window;

		blocks_decide(blocks,
			blocks->n_questions ? blocks_ask_all(blocks, x) : blocks_rank(blocks, x),
			decisions);
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
