// SPDX-License-Identifier: BSD-3-Clause
// The masks kernel over 64 rows: a mask is a 64-bit register.
#include "infer/kernels/trees/trees_masks.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#define ROWS   64
#define GROUPS 4 // of 16 floats

struct masks64_block {
	_Alignas(64) uint8_t ranks[MASKS_COLUMNS_MAX][ROWS];
	const float *x; // the block's first row
	size_t ldx;
	uint32_t n;
};

// At most 16 rows of a block.
struct masks64_group {
	const float *x; // the group's first row
	size_t ldx;
	uint32_t n;
	__m512i row; // of fewer than 16 rows: their offsets in floats; behind the last row, its own
};

static inline __m512 masks_choose(__m512i k, int bit, __m512 clear, __m512 set)
{
	return _mm512_mask_mov_ps(clear, _mm512_test_epi32_mask(k, _mm512_set1_epi32(bit)), set);
}

static inline __m512 masks_look_up_32(const float *t, __m512i k)
{
	return _mm512_permutex2var_ps(_mm512_load_ps(t), k, _mm512_load_ps(t + 16));
}

static inline __m512 masks_look_up_64(const float *t, __m512i k)
{
	return masks_choose(k, 32, masks_look_up_32(t, k), masks_look_up_32(t + 32, k));
}

// t[k] for k of one level of the search tree, of four below 16.
static inline __m512 masks_look_up_level(const float *t, uint32_t level, __m512i k)
{
	if (level < 5)
		return _mm512_permutexvar_ps(k, _mm512_load_ps(level < 4 ? t : t + 16));
	if (level == 5)
		return masks_look_up_32(t + 32, k);
	if (level == 6)
		return masks_look_up_64(t + 64, k);
	return masks_choose(k, 64, masks_look_up_64(t + 128, k), masks_look_up_64(t + 192, k));
}

// One level down the search tree. `level` is a constant once this is inlined.
static inline __attribute__((always_inline)) __m512i masks_descend(
	const float *t, uint32_t level, __m512 x, __m512i k)
{
	const __mmask16 above = _mm512_cmp_ps_mask(x, masks_look_up_level(t, level, k), _CMP_GE_OQ);
	const __m512i twice = _mm512_add_epi32(k, k);

	return _mm512_mask_sub_epi32(twice, above, twice, _mm512_set1_epi32(-1));
}

static inline __m512i masks64_search(const float *t, uint32_t levels, __m512 x)
{
	__m512i k = _mm512_set1_epi32(1);

	for (uint32_t l = 0; l < levels && l < 4; l++)
		k = masks_descend(t, 0, x, k);
	if (levels > 4)
		k = masks_descend(t, 4, x, k);
	if (levels > 5)
		k = masks_descend(t, 5, x, k);
	if (levels > 6)
		k = masks_descend(t, 6, x, k);
	if (levels > 7)
		k = masks_descend(t, 7, x, k);
	return k;
}

// x[r * ldx] in lanes r and 4 + r, for r below 4.
static inline __m256 masks_load_4(const float *x, size_t ldx)
{
	const __m256 even =
		_mm256_blend_ps(_mm256_broadcast_ss(x), _mm256_broadcast_ss(x + 2 * ldx), 0xcc);
	const __m256 odd = _mm256_blend_ps(
		_mm256_broadcast_ss(x + ldx), _mm256_broadcast_ss(x + 3 * ldx), 0xcc);

	return _mm256_blend_ps(even, odd, 0xaa);
}

// One feature of all rows of the group. Loads and blends take less time than a gather.
static inline __m512 masks_load_feature(const struct masks64_group *group, uint32_t feature)
{
	const float *x = group->x + feature;
	__m256 four[4];

	if (group->n < 16)
		return _mm512_i32gather_ps(group->row, x, 4);
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++, x += 4 * group->ldx)
		four[i] = masks_load_4(x, group->ldx);
	return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_blend_ps(four[0], four[1], 0xf0)),
		_mm256_blend_ps(four[2], four[3], 0xf0), 1);
}

// Ranks: how many thresholds are not above each row's value.
static inline __m128i masks64_rank_less(
	const struct masks_column *column, const float *thresholds, __m512 x)
{
	const __m512i k = masks64_search(thresholds + column->first, column->levels, x);
	__m512i n = _mm512_sub_epi32(k, _mm512_set1_epi32(1 << column->levels));

	if (!(column->column.kind & TREE_MISSING_TRUE))
		n = _mm512_mask_set1_epi32(n, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), RANK_FALSE);
	return _mm512_cvtepi32_epi8(n);
}

static void masks64_rank_other(const struct masks *masks, const struct masks_column *column,
	const struct masks64_group *group, uint8_t *ranks)
{
	for (uint32_t r = 0; r < group->n; r++) {
		const float x = group->x[r * group->ldx + column->column.feature];

		ranks[r] = trees_decide(masks->plain, column->column.branch, x) ? 0 : RANK_FALSE;
	}
}

// Writes 16 ranks for every column, ROWS bytes apart.
static inline __attribute__((always_inline)) void masks64_rank_group(
	const struct masks *masks, const struct masks64_group *group, uint8_t *ranks)
{
	const struct masks_column *column = masks->columns, *end = column + masks->n_columns;
	uint32_t loaded = UINT32_MAX;
	__m512 x = _mm512_setzero_ps();

	for (; column < end; column++, ranks += ROWS) {
		if ((column->column.kind & TREE_TEST_BITS) != TREE_LESS) {
			masks64_rank_other(masks, column, group, ranks);
			continue;
		}
		if (column->column.feature != loaded)
			x = masks_load_feature(group, column->column.feature);
		loaded = column->column.feature;
		_mm_store_si128((__m128i *)ranks, masks64_rank_less(column, masks->thresholds, x));
	}
}

static __m512i masks_offsets(uint32_t n, size_t ldx)
{
	const __m512i counting =
		_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

	return _mm512_mullo_epi32(_mm512_min_epu32(counting, _mm512_set1_epi32((int)n - 1)),
		_mm512_set1_epi32((int)ldx));
}

// Ranks behind the last row are left as they are: any ranks lead to a leaf of each tree, and no sum of
// such a row is read.
static void masks64_rank_columns(const struct masks *masks, struct masks64_block *block)
{
	for (uint32_t first = 0; first < block->n; first += 16) {
		struct masks64_group group = { .x = block->x + first * block->ldx,
			.ldx = block->ldx,
			.n = block->n - first < 16 ? block->n - first : 16 };

		group.row = masks_offsets(group.n, group.ldx);
		masks64_rank_group(masks, &group, &block->ranks[0][first]);
	}
}

// Fills in reach[]: the mask of the rows that reach each branch, then each leaf.
static inline void masks64_divide(const struct masks_node *nodes, uint32_t n_nodes,
	const struct masks64_block *block, uint64_t *reach)
{
	reach[0] = UINT64_MAX;
	for (uint32_t i = 0; i < n_nodes; i++) {
		const struct masks_node *node = &nodes[i];
		const __m512i ranks = _mm512_load_si512(block->ranks[node->column]);
		const uint64_t yes = _cvtmask64_u64(
			_mm512_cmplt_epu8_mask(ranks, _mm512_set1_epi32((int)node->below)));
		const uint64_t rows = reach[i];

		reach[node->yes] = rows & yes;
		reach[node->no] = rows & ~yes;
	}
}

// Looks up the weights of 16 rows, in a tree of up to 16, 32, 64 or more leaves.
static inline __m512 masks_look_up(const float *weights, uint32_t n_leaves, __m512i leaf)
{
	const __m512 low = _mm512_load_ps(weights);

	if (n_leaves <= 16)
		return _mm512_permutexvar_ps(leaf, low);
	if (n_leaves <= 32)
		return _mm512_permutex2var_ps(low, leaf, _mm512_load_ps(weights + 16));
	return _mm512_i32gather_ps(leaf, weights, 4);
}

// Zeroes behind the leaves' masks, up to whole groups of 16.
static inline void masks_clear_rest(uint64_t *reached, uint32_t n_leaves)
{
	_mm512_storeu_si512(reached + n_leaves, _mm512_setzero_si512());
	_mm512_storeu_si512(reached + n_leaves + 8, _mm512_setzero_si512());
}

// Of 16 leaves: the rows whose leaf has bit 0, 1, 2 or 3 set in its number.
static inline void masks_low_bits(const uint64_t *s, uint64_t *bits)
{
	// masks64_divide() wrote all of them: NOLINTNEXTLINE(clang-analyzer-core.*)
	bits[0] |= s[1] | s[3] | s[5] | s[7] | s[9] | s[11] | s[13] | s[15];
	bits[1] |= s[2] | s[3] | s[6] | s[7] | s[10] | s[11] | s[14] | s[15];
	bits[2] |= s[4] | s[5] | s[6] | s[7] | s[12] | s[13] | s[14] | s[15];
	bits[3] |= s[8] | s[9] | s[10] | s[11] | s[12] | s[13] | s[14] | s[15];
}

static inline uint64_t masks_any_of(const uint64_t *s)
{
	uint64_t any = 0;

#pragma GCC unroll 16
	for (int i = 0; i < 16; i++)
		any |= s[i];
	return any;
}

static inline __m512i masks_add_bit(__m512i leaf, uint64_t rows, int bit)
{
	return _mm512_mask_add_epi8(
		leaf, _cvtu64_mask64(rows), leaf, _mm512_set1_epi8((char)(1 << bit)));
}

// The number of each row's leaf in a tree of up to 8 leaves.
static inline __m512i masks_find_few(uint64_t *s, uint32_t n_leaves)
{
	__m512i leaf = _mm512_setzero_si512();

	_mm512_storeu_si512(s + n_leaves, _mm512_setzero_si512());
	// masks64_divide() wrote all of them: NOLINTNEXTLINE(clang-analyzer-core.*)
	leaf = masks_add_bit(leaf, s[1] | s[3] | s[5] | s[7], 0);
	leaf = masks_add_bit(leaf, s[2] | s[3] | s[6] | s[7], 1);
	return masks_add_bit(leaf, s[4] | s[5] | s[6] | s[7], 2);
}

// The same for a tree of any size.
static inline __m512i masks_find_many(uint64_t *reached, uint32_t n_leaves)
{
	uint64_t bits[8] = { 0 };
	__m512i leaf = _mm512_setzero_si512();

	masks_clear_rest(reached, n_leaves);
	masks_low_bits(reached, bits);
	for (uint32_t group = 1; group * 16 < n_leaves; group++) {
		const uint64_t any = masks_any_of(reached + group * 16ul);

		masks_low_bits(reached + group * 16ul, bits);
		for (uint32_t b = 0; b < 4; b++)
			bits[4 + b] |= group >> b & 1 ? any : 0;
	}
#pragma GCC unroll 4
	for (int b = 0; b < 4; b++)
		leaf = masks_add_bit(leaf, bits[b], b);
	for (uint32_t b = 4; n_leaves > 1u << b; b++)
		leaf = masks_add_bit(leaf, bits[b], (int)b);
	return leaf;
}

static inline __m512i masks64_find_leaves(
	const struct masks *masks, const struct masks_tree *tree, const struct masks64_block *block)
{
	uint64_t reach[2 * MASKS_LEAVES_MAX + 16];

	masks64_divide(masks->nodes + tree->first_node, tree->n_nodes, block, reach);
	return tree->n_leaves <= 8 ? masks_find_few(reach + tree->n_nodes, tree->n_leaves)
				   : masks_find_many(reach + tree->n_nodes, tree->n_leaves);
}

static inline void masks64_add_tree(const struct masks *masks, const struct masks_tree *tree,
	const struct masks64_block *block, __m512 *sum)
{
	const __m512i leaf = masks64_find_leaves(masks, tree, block);

#define ADD(g)                                                                                     \
	sum[g] = _mm512_add_ps(sum[g],                                                             \
		masks_look_up(masks->weights + tree->first_weight, tree->n_leaves,                 \
			_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(leaf, g))))
	ADD(0);
	ADD(1);
	ADD(2);
	ADD(3);
#undef ADD
}

static void masks_sum_targets(
	const struct masks *masks, const struct masks64_block *block, float (*y)[ROWS])
{
	for (uint32_t i = 0; i < masks->n_trees;) {
		const uint32_t target = masks->trees[i].target;
		__m512 sum[GROUPS];

		for (int g = 0; g < GROUPS; g++)
			sum[g] = _mm512_loadu_ps(y[target] + 16 * g);
		for (; i < masks->n_trees && masks->trees[i].target == target; i++)
			masks64_add_tree(masks, &masks->trees[i], block, sum);
		for (int g = 0; g < GROUPS; g++)
			_mm512_storeu_ps(y[target] + 16 * g, sum[g]);
	}
}

static void masks64_score(
	const struct masks *masks, const struct masks64_block *block, float *y, size_t ldy)
{
	float sums[MASKS_TARGETS_MAX][ROWS];

	for (uint32_t t = 0; t < masks->n_targets; t++)
		for (uint32_t r = 0; r < ROWS; r++)
			sums[t][r] = masks->base[t];
	masks_sum_targets(masks, block, sums);
	for (uint32_t r = 0; r < block->n; r++)
		for (uint32_t t = 0; t < masks->n_targets; t++)
			y[r * ldy + t] = sums[t][r];
}

static void masks64_score_rows(
	const struct masks *masks, const struct masks64_block *block, float *y, size_t ldy)
{
	_Alignas(64) float sums[ROWS * TREE_ROW_MAX];
	_Alignas(64) uint8_t leaves[ROWS];

	memset(sums, 0, ROWS * masks->row_floats * sizeof(*sums));
	for (uint32_t i = 0; i < masks->n_trees; i++) {
		_mm512_store_si512(leaves, masks64_find_leaves(masks, &masks->trees[i], block));
		trees_add_leaves(sums, masks->weights + masks->trees[i].first_weight, leaves, ROWS,
			masks->row_floats);
	}
	for (uint32_t r = 0; r < block->n; r++)
		for (uint32_t t = 0; t < masks->n_targets; t++)
			y[r * ldy + t] = masks->base[t] + sums[r * masks->row_floats + t];
}

void u8_trees_64__avx512(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct masks *masks = packed;
	struct masks64_block block;

	assert(masks->n_columns <= MASKS_COLUMNS_MAX && masks->n_targets <= MASKS_TARGETS_MAX);
	for (; m > 0; m -= block.n, x += block.n * ldx, y += block.n * ldy) {
		block.x = x;
		block.ldx = ldx;
		block.n = m < ROWS ? m : ROWS;
		masks64_rank_columns(masks, &block);
		if (masks->row_floats)
			masks64_score_rows(masks, &block, y, ldy);
		else
			masks64_score(masks, &block, y, ldy);
	}
}
