// SPDX-License-Identifier: BSD-3-Clause
// Packs an ensemble for the blocks kernels (trees_blocks.h).
#include "infer/kernels/trees/trees_blocks.h"

#include "base/align.h"
#include "infer/kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The branches of a window, and the leaves that are decided by it.
struct path {
	int32_t leaf;
	uint32_t depth;
	int32_t branch[TREES_DEPTH_MAX]; // ~branch where its answer is no
};

struct blocks_packing {
	const struct trees *t;
	struct ranks ranks;
	bool special;     // columns that are not TREE_LESS
	bool asks;        // questions instead of ranks
	uint32_t *target; // [trees]

	// Written where `blocks` is not NULL, otherwise only counted.
	struct blocks *blocks;
	uint8_t *column, *below;
	uint32_t *window;
	struct leaf_block *leaf;

	uint32_t n_bits, n_blocks, n_vectors;
	// The window being filled.
	int32_t in_window[BLOCK_WINDOW];
	uint32_t window_bits, window_leaves, window_first;
	struct path *path; // of the leaf at hand
};

static int blocks_find_in_window(const struct blocks_packing *p, int32_t branch)
{
	for (uint32_t i = 0; i < p->window_bits; i++) {
		if (p->in_window[i] == branch)
			return (int)i;
	}
	return -1;
}

static void blocks_add_bit(struct blocks_packing *p, int32_t branch)
{
	const uint32_t bit = p->window_first + p->window_bits;
	const uint32_t column = p->ranks.branch_column[branch];
	const uint8_t below = p->ranks.branch_below[branch];

	if (p->blocks && p->asks) {
		p->column[bit] = (uint8_t)(p->ranks.columns[column].first + below - 1);
		p->below[bit] = 1;
	} else if (p->blocks) {
		p->column[bit] = (uint8_t)column;
		p->below[bit] = below;
	}
	p->in_window[p->window_bits++] = branch;
}

// A window begins at a whole byte of the decisions. Several blocks of leaves may read the same one.
static void blocks_open_window(struct blocks_packing *p)
{
	p->window_first = align_up_u32(p->window_first + p->window_bits, 8);
	p->window_bits = 0;
	p->window_leaves = 0;
}

static void blocks_open_block(struct blocks_packing *p)
{
	if (p->blocks) {
		struct leaf_block *leaf = &p->leaf[p->n_blocks];

		memset(leaf, 0, sizeof(*leaf));
		for (int l = 0; l < BLOCK_LEAVES; l++)
			leaf->wanted[l] = 1; // no branch can decide so: this leaf is never reached
		p->window[p->n_blocks] = p->window_first / 8;
	}
	p->n_blocks++;
	p->window_leaves = 0;
}

static uint32_t blocks_missing_bits(const struct blocks_packing *p)
{
	uint32_t missing = 0;

	for (uint32_t d = 0; d < p->path->depth; d++) {
		const int32_t b = p->path->branch[d];

		missing += blocks_find_in_window(p, b < 0 ? ~b : b) < 0;
	}
	return missing;
}

static int blocks_add_leaf(struct blocks_packing *p, bool first_of_tree)
{
	const struct path *path = p->path;
	struct leaf_block *block;
	uint32_t asked = 0, wanted = 0;
	const int32_t w = p->t->weight_first[path->leaf];

	if (path->depth > BLOCK_WINDOW)
		return -ENOTSUP;
	if (first_of_tree || p->window_bits + blocks_missing_bits(p) > BLOCK_WINDOW) {
		blocks_open_window(p);
		blocks_open_block(p);
	} else if (p->window_leaves == BLOCK_LEAVES) {
		blocks_open_block(p);
	}
	for (uint32_t d = 0; d < path->depth; d++) {
		const int32_t b = path->branch[d], branch = b < 0 ? ~b : b;
		int bit = blocks_find_in_window(p, branch);

		if (bit < 0) {
			bit = (int)p->window_bits;
			blocks_add_bit(p, branch);
		}
		asked |= 1u << bit;
		wanted |= (uint32_t)(b >= 0) << bit;
	}
	if (p->blocks) {
		block = &p->leaf[p->n_blocks - 1];
		block->asked[p->window_leaves] = asked;
		block->wanted[p->window_leaves] = wanted;
		block->weight[p->window_leaves] =
			w < p->t->weight_first[path->leaf + 1] ? p->t->weight[w] : 0;
	}
	p->window_leaves++;
	p->n_bits = p->window_first + p->window_bits;
	return p->n_bits <= BLOCKS_BITS_MAX ? 0 : -ENOTSUP;
}

struct blocks_pending {
	int32_t node;
	uint32_t depth;
	int32_t way; // to it: the branch above, or ~branch
};

// Adds the leaves of a tree from left to right, each with the branches on its path.
static int blocks_add_tree(struct blocks_packing *p, uint32_t tree)
{
	struct blocks_pending stack[TREES_DEPTH_MAX + 2];
	uint32_t depth = 0;
	bool first = true;
	int rc = 0;

	stack[depth++] = (struct blocks_pending){ p->t->root[tree], 0, 0 };
	while (depth > 0 && rc == 0) {
		const struct blocks_pending now = stack[--depth];

		if (now.depth > 0)
			p->path->branch[now.depth - 1] = now.way;
		if (now.node < 0) {
			p->path->leaf = ~now.node;
			p->path->depth = now.depth;
			rc = blocks_add_leaf(p, first);
			first = false;
			continue;
		}
		if (now.depth == BLOCK_WINDOW)
			return -ENOTSUP;
		stack[depth++] = (struct blocks_pending){ p->t->children[now.node][0],
			now.depth + 1, ~now.node };
		stack[depth++] = (struct blocks_pending){ p->t->children[now.node][1],
			now.depth + 1, now.node };
	}
	return rc;
}

// Adds the trees, those of one target together; the runs are only counted where `blocks` is NULL.
static int blocks_add_trees(struct blocks_packing *p, struct block_run *runs, uint32_t *n_runs)
{
	int rc = 0;

	*n_runs = 0;
	p->n_bits = p->n_blocks = p->window_first = p->window_bits = 0;
	for (uint32_t target = 0; target < p->t->n_targets && rc == 0; target++) {
		const uint32_t before = p->n_blocks;

		for (uint32_t i = 0; i < p->t->n_trees && rc == 0; i++) {
			if (p->target[i] == target)
				rc = blocks_add_tree(p, i);
		}
		if (p->n_blocks == before)
			continue;
		if (runs)
			runs[*n_runs] = (struct block_run){ target, p->n_blocks - before };
		++*n_runs;
	}
	return rc;
}

static int blocks_examine(struct blocks_packing *p, uint32_t *n_runs)
{
	const struct trees *t = p->t;

	if (t->n_targets > 64 || t->linear_first || !trees_one_target(t))
		return -ENOTSUP;
	p->path = malloc(sizeof(*p->path));
	p->target = calloc(t->n_trees, sizeof(*p->target));
	for (uint32_t i = 0; p->target && i < t->n_trees; i++)
		p->target[i] = trees_target(t, i);
	if (!p->path || !p->target || ranks_init(&p->ranks, t) != 0 ||
		p->ranks.n_columns > BLOCKS_COLUMNS_MAX)
		return -ENOTSUP;
	for (uint32_t c = 0; c < p->ranks.n_columns; c++) {
		p->special |= (p->ranks.columns[c].kind & TREE_TEST_BITS) != TREE_LESS;
		p->n_vectors += (p->ranks.columns[c].count + 15) / 16;
	}
	p->asks = !p->special && p->ranks.n_thresholds <= BLOCKS_QUESTIONS_MAX &&
		t->n_features <= BLOCKS_ROW_MAX;
	return blocks_add_trees(p, NULL, n_runs);
}

static void blocks_examine_fini(struct blocks_packing *p)
{
	ranks_fini(&p->ranks);
	free(p->path);
	free(p->target);
}

struct blocks_layout {
	size_t columns, thresholds, questions, branch_column, branch_below, window, leaf, runs;
	size_t base, plain, bytes;
	uint32_t n_groups, n_questions;
};

static struct blocks_layout blocks_layout_of(const struct blocks_packing *p, uint32_t n_runs)
{
	struct blocks_layout at = { .columns = align_up(sizeof(struct blocks), KERNEL_ALIGN) };

	at.n_groups = (p->n_bits + 63) / 64;
	at.n_questions =
		p->asks ? (p->ranks.n_thresholds + BLOCK_QUESTIONS - 1) / BLOCK_QUESTIONS : 0;
	at.thresholds = at.columns +
		align_up(p->ranks.n_columns * sizeof(struct block_column), KERNEL_ALIGN);
	at.questions = at.thresholds + p->n_vectors * 16 * sizeof(float);
	at.branch_column = at.questions + at.n_questions * sizeof(struct block_questions);
	at.branch_below = at.branch_column + at.n_groups * 64ul;
	at.window = at.branch_below + at.n_groups * 64ul;
	at.leaf = at.window + align_up(p->n_blocks * sizeof(uint32_t), KERNEL_ALIGN);
	at.runs = at.leaf + p->n_blocks * sizeof(struct leaf_block);
	at.base = at.runs + align_up(n_runs * sizeof(struct block_run), KERNEL_ALIGN);
	at.plain = at.base + align_up(p->t->n_targets * sizeof(float), KERNEL_ALIGN);
	at.bytes = at.plain + (p->special ? trees_plain_bytes(p->t) : 0);
	return at;
}

size_t trees_blocks_bytes(const struct trees *t)
{
	struct blocks_packing p = { .t = t };
	uint32_t n_runs;
	const size_t bytes =
		blocks_examine(&p, &n_runs) == 0 ? blocks_layout_of(&p, n_runs).bytes : 0;

	blocks_examine_fini(&p);
	return bytes;
}

static void blocks_pack_columns(
	const struct blocks_packing *p, struct block_column *columns, float *thresholds)
{
	uint32_t vector = 0;

	for (uint32_t c = 0; c < p->ranks.n_columns; c++) {
		const struct rank_column *column = &p->ranks.columns[c];
		const uint32_t count = (column->count + 15) / 16;

		columns[c] = (struct block_column){ *column, vector, count };
		for (uint32_t i = 0; i < count * 16; i++)
			thresholds[vector * 16 + i] =
				i < column->count ? p->ranks.thresholds[column->first + i] : NAN;
		vector += count;
	}
}

// One for each threshold of each column.
static void blocks_pack_questions(
	const struct blocks_packing *p, struct blocks *blocks, struct block_questions *questions)
{
	for (uint32_t c = 0; c < p->ranks.n_columns; c++) {
		const struct rank_column *column = &p->ranks.columns[c];

		for (uint32_t i = column->first; i < column->first + column->count; i++) {
			struct block_questions *to = &questions[i / BLOCK_QUESTIONS];

			to->feature[i % BLOCK_QUESTIONS] = column->feature;
			to->threshold[i % BLOCK_QUESTIONS] = p->ranks.thresholds[i];
			if (column->kind & TREE_MISSING_TRUE)
				blocks->missing_true[i / 64] |= UINT64_C(1) << i % 64;
		}
	}
}

int trees_blocks_pack(void *packed, const struct trees *t)
{
	struct blocks_packing p = { .t = t };
	struct blocks *blocks = packed;
	char *bytes = packed;
	uint32_t n_runs;
	int rc = blocks_examine(&p, &n_runs);

	if (rc == 0) {
		const struct blocks_layout at = blocks_layout_of(&p, n_runs);

		memset(packed, 0, at.bytes);
		p.blocks = blocks;
		p.column = (uint8_t *)bytes + at.branch_column;
		p.below = (uint8_t *)bytes + at.branch_below;
		p.window = (uint32_t *)(bytes + at.window);
		p.leaf = (struct leaf_block *)(bytes + at.leaf);
		rc = blocks_add_trees(&p, (struct block_run *)(bytes + at.runs), &n_runs);
		blocks_pack_columns(&p, (struct block_column *)(bytes + at.columns),
			(void *)(bytes + at.thresholds));
		memcpy(bytes + at.base, t->base, t->n_targets * sizeof(float));
		if (p.special)
			rc = trees_plain_pack(bytes + at.plain, t);
		*blocks = (struct blocks){ .n_features = t->n_features,
			.n_columns = p.ranks.n_columns,
			.n_targets = t->n_targets,
			.n_groups = at.n_groups,
			.n_runs = n_runs,
			.n_questions = at.n_questions,
			.questions = (struct block_questions *)(bytes + at.questions),
			.columns = (struct block_column *)(bytes + at.columns),
			.thresholds = (void *)(bytes + at.thresholds),
			.branch_column = p.column,
			.branch_below = p.below,
			.window = p.window,
			.leaf = p.leaf,
			.runs = (struct block_run *)(bytes + at.runs),
			.base = (void *)(bytes + at.base),
			.plain = p.special ? (struct trees *)(bytes + at.plain) : NULL };
		if (p.asks)
			blocks_pack_questions(
				&p, blocks, (struct block_questions *)(bytes + at.questions));
	}
	blocks_examine_fini(&p);
	return rc;
}
