// SPDX-License-Identifier: BSD-3-Clause
// 32 rows: a mask is a 32-bit register.
#include "infer/kernels/trees_masks.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#define ROWS   32
#define GROUPS 4    // of 8 floats
#define SIGN   0x80 // AVX2 compares bytes as signed: ranks are stored with their sign turned

struct block {
	const float *x; // the block's first row
	uint32_t n;
	size_t ldx;
	_Alignas(32) uint8_t ranks[MASKS_COLUMNS_MAX][ROWS];
};

// The value of one feature for all rows; behind the last row, its own.
static void gather(const struct block *block, uint32_t feature, float *x)
{
	for (uint32_t r = 0; r < ROWS; r++) {
		const size_t row = r < block->n ? r : block->n - 1;

		x[r] = block->x[row * block->ldx + feature];
	}
}

static void rank_less(
	const float *x, const struct rank_column *column, const float *thresholds, uint8_t *ranks)
{
	const bool missing_true = column->kind & TREE_MISSING_TRUE;
	__m256i n[GROUPS];
	int32_t counts[ROWS];

	for (int g = 0; g < GROUPS; g++)
		n[g] = _mm256_setzero_si256();
	for (uint32_t i = 0; i < column->count; i++) {
		const __m256 threshold = _mm256_broadcast_ss(&thresholds[column->first + i]);

#pragma GCC unroll 4
		for (int g = 0; g < GROUPS; g++)
			n[g] = _mm256_sub_epi32(n[g],
				_mm256_castps_si256(_mm256_cmp_ps(
					_mm256_loadu_ps(x + 8 * g), threshold, _CMP_GE_OQ)));
	}
	for (int g = 0; g < GROUPS; g++)
		_mm256_storeu_si256((__m256i *)(counts + 8 * g), n[g]);
	for (uint32_t r = 0; r < ROWS; r++) {
		const int32_t rank = x[r] != x[r] && !missing_true ? RANK_FALSE : counts[r];

		ranks[r] = (uint8_t)(rank ^ SIGN);
	}
}

static void rank_columns(const struct masks *masks, struct block *block)
{
	for (uint32_t c = 0; c < masks->n_columns; c++) {
		const struct rank_column *column = &masks->columns[c];
		float x[ROWS];

		gather(block, column->feature, x);
		if ((column->kind & TREE_TEST_BITS) == TREE_LESS) {
			rank_less(x, column, masks->thresholds, block->ranks[c]);
			continue;
		}
		for (uint32_t r = 0; r < ROWS; r++) {
			const bool yes = trees_decide(masks->plain, column->branch, x[r]);

			block->ranks[c][r] = (uint8_t)((yes ? 0 : RANK_FALSE) ^ SIGN);
		}
	}
}

static inline void divide(const struct masks_node *nodes, uint32_t n_nodes,
	const struct block *block, uint32_t *reach)
{
	reach[0] = UINT32_MAX;
	for (uint32_t i = 0; i < n_nodes; i++) {
		const struct masks_node *node = &nodes[i];
		const __m256i ranks =
			_mm256_load_si256((const __m256i *)block->ranks[node->column]);
		const __m256i below = _mm256_set1_epi32((int)(node->below ^ 0x80808080u));
		const uint32_t yes =
			(uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(below, ranks));
		const uint32_t rows = reach[i];

		reach[node->yes] = rows & yes;
		reach[node->no] = rows & ~yes;
	}
}

// A byte of `value` for each bit of `rows`.
static inline __m256i spread(uint32_t rows, char value)
{
	const __m256i which = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2,
		2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201ull);
	const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)rows), which);

	return _mm256_and_si256(
		_mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit), _mm256_set1_epi8(value));
}

static inline void add_tree(const struct masks *masks, const struct masks_tree *tree,
	const struct block *block, float *sum)
{
	const float *weights = masks->weights + tree->first_weight;
	uint32_t reach[2 * MASKS_LEAVES_MAX], bits[8];
	__m256i leaf = _mm256_setzero_si256();
	_Alignas(32) uint8_t leaves[ROWS];

	divide(masks->nodes + tree->first_node, tree->n_nodes, block, reach);
	// divide() wrote all of them: NOLINTNEXTLINE(clang-analyzer-core.*)
	MASKS_LEAF_BITS(uint32_t, reach + tree->n_nodes, tree->n_leaves, bits);
	for (uint32_t b = 0; (1u << b) < tree->n_leaves; b++)
		leaf = _mm256_or_si256(leaf, spread(bits[b], (char)(1 << b)));
	_mm256_store_si256((__m256i *)leaves, leaf);
#pragma GCC unroll 32
	for (uint32_t r = 0; r < ROWS; r++)
		sum[r] += weights[leaves[r]];
}

void u8_trees_32__avx2(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct masks *masks = packed;
	float sums[MASKS_TARGETS_MAX][ROWS];
	struct block block;

	assert(masks->n_columns <= MASKS_COLUMNS_MAX && masks->n_targets <= MASKS_TARGETS_MAX);
	for (; m > 0; m -= block.n, x += block.n * ldx, y += block.n * ldy) {
		block.x = x;
		block.ldx = ldx;
		block.n = m < ROWS ? m : ROWS;
		for (uint32_t t = 0; t < masks->n_targets; t++)
			for (uint32_t r = 0; r < ROWS; r++)
				sums[t][r] = masks->base[t];
		rank_columns(masks, &block);
		for (uint32_t i = 0; i < masks->n_trees; i++)
			add_tree(masks, &masks->trees[i], &block, sums[masks->trees[i].target]);
		for (uint32_t r = 0; r < block.n; r++)
			for (uint32_t t = 0; t < masks->n_targets; t++)
				y[r * ldy + t] = sums[t][r];
	}
}
