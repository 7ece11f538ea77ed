// SPDX-License-Identifier: BSD-3-Clause
// Scores one row, walking down several trees at once: a branch takes two dependent loads, and only
// other trees can fill that time. No conditional jump depends on the row.
//
// Floats are compared as unsigned integers of the same order ("keys"). A missing value has the
// lowest key in one copy of the row and the highest in another; a branch reads the copy that sends
// it the right way. The children of a branch are adjacent, and a leaf leads to itself: its
// threshold is above all keys.
//
// Questions other than TREE_LESS are answered before the walk (trees_questions.h), all of them: their
// answers stand behind the keys of the row.
#include "base/align.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/trees/trees_kernels.h"
#include "infer/kernels/trees/trees_questions.h"
#include "infer/kernels/trees/trees_ranks.h"
#include "infer/kernels/trees/trees_rows.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TREES_AT_ONCE 8
#define FEATURES_MAX  4096 // keys of a row are on the stack
#define TREE_NODES    65536
#define KEY_LEAF      UINT32_MAX
#define KEY_MISSING   QUESTION_FALSE // of the copy where missing is false: above infinity
#define TARGETS_MAX   64
#define QUESTIONS_MAX 8192

struct walk_node {
	uint32_t key;   // goes to `child` where the value's key is below, to child + 1 otherwise
	uint16_t value; // of the row's keys
	uint16_t child; // nodes further on than this one; 0: a leaf
};

struct walk_tree {
	uint32_t first; // node of the root
	uint32_t steps; // to the deepest leaf; where leaves are rows, of the trees walked with it
	uint32_t slot;  // its place among the weights of its part, where the leaves are not rows
	uint32_t n_leaves;
};

// Trees are walked in the order of their steps, part by part, but what they add is summed up in the
// order in which the kernels of batches do it (trees_masks.c: by leaves, then as they stand in the
// ensemble), so that a row has the same bits by any of them.
#define TREES_PART 512

struct walk_ensemble {
	uint32_t n_trees, n_features, n_targets;
	uint32_t n_questions, n_sets, n_asked;
	const struct question_sets *sets;
	const uint32_t *answers;
	const struct question_asked *asked;
	const struct trees *plain; // that `asked` are asked of; NULL: there are none
	uint32_t missing_copies;   // 2 where branches send missing values both ways, else 1
	bool missing_true;         // of the only copy
	const struct walk_tree *trees;
	const struct walk_node *nodes;
	const float *weights; // [nodes]
	const float *base;
	const uint32_t *targets; // [trees] in the order of the sum, where leaves are not rows
	// Leaves with several targets (trees_rows.h): the trees stay in their order.
	uint32_t row_floats;  // 0: there are none
	const uint32_t *leaf; // [nodes] the leaf's number
	const float *rows;    // [leaves][row_floats]
};

// -0 and 0 have the same key.
static inline uint32_t walk_key_of(float x)
{
	uint32_t bits;

	x += 0.0f;
	memcpy(&bits, &x, sizeof(bits));
	return bits ^ ((0 - (bits >> 31)) | 0x80000000u);
}

struct walk_form {
	bool both, missing_true; // missing values go both ways; or to the side that is true
	uint32_t row_floats;
	uint32_t n_questions;
};

static bool walk_is_supported(const struct trees *t, struct walk_form *form)
{
	bool seen[2] = { false, false };

	*form = (struct walk_form){ 0 };
	if (t->aggregate != TREES_SUM || t->linear_first || t->n_features > FEATURES_MAX ||
		t->n_targets > TARGETS_MAX)
		return false;
	for (uint32_t b = 0; b < t->n_branches; b++) {
		form->n_questions += question_is(t, b);
		if (!question_is(t, b))
			seen[(t->kind[b] & TREE_MISSING_TRUE) != 0] = true;
	}
	if (form->n_questions > QUESTIONS_MAX)
		return false;
	form->both = seen[0] && seen[1];
	form->missing_true = seen[1];
	form->row_floats = trees_one_target(t) ? 0 : trees_row_floats(t);
	return form->row_floats > 0 || trees_one_target(t);
}

// --- Packing ------------------------------------------------------------------------------------

struct walk_layout {
	size_t trees, nodes, weights, base, targets, rows, sets, answers, asked, plain, bytes;
};

static struct walk_layout walk_layout_of(
	const struct trees *t, uint32_t row_floats, const struct questions *q)
{
	const size_t n = (size_t)t->n_branches + t->n_leaves;
	struct walk_layout at = { .trees = sizeof(struct walk_ensemble) };

	at.nodes = align_up(at.trees + t->n_trees * sizeof(struct walk_tree), KERNEL_ALIGN);
	at.weights = at.nodes + n * sizeof(struct walk_node);
	at.base = at.weights + n * sizeof(float);
	at.targets = at.base + t->n_targets * sizeof(float);
	at.rows = align_up(at.targets + t->n_trees * sizeof(uint32_t), KERNEL_ALIGN);
	at.sets =
		align_up(at.rows + (size_t)t->n_leaves * row_floats * sizeof(float), KERNEL_ALIGN);
	at.answers = at.sets + q->n_sets * sizeof(struct question_sets);
	at.asked = align_up(at.answers + q->n_answers * sizeof(uint32_t), KERNEL_ALIGN);
	at.plain = align_up(at.asked + q->n_asked * sizeof(struct question_asked), KERNEL_ALIGN);
	at.bytes = at.plain + (q->n_asked > 0 ? trees_plain_bytes(t) : 0);
	return at;
}

size_t trees_walk_bytes(const struct trees *t)
{
	struct questions q = { 0 };
	struct walk_form form;
	size_t bytes = 0;

	if (walk_is_supported(t, &form) && questions_init(&q, t, form.n_questions) == 0)
		bytes = walk_layout_of(t, form.row_floats, &q).bytes;
	questions_fini(&q);
	return bytes;
}

struct filling {
	const struct trees *t;
	const uint32_t *question; // [branches]
	struct walk_node *nodes;
	float *weights;  // or
	uint32_t *leaf;  // the same memory, where leaves are rows
	int32_t *source; // [nodes] of the tree being filled
	uint8_t *depth;
	struct walk_form form;
};

static float walk_weight_of(const struct trees *t, int32_t leaf)
{
	const int32_t w = t->weight_first[leaf];

	return w < t->weight_first[leaf + 1] ? t->weight[w] : 0;
}

// Where the branch finds what it compares: the row's key, in the copy that sends missing values the
// right way, or the answer to its question.
static uint16_t walk_value_index(const struct filling *f, uint32_t branch)
{
	const struct trees *t = f->t;

	if (question_is(t, branch))
		return (uint16_t)((f->form.both ? 2 : 1) * t->n_features + f->question[branch]);
	return (uint16_t)((uint32_t)t->feature[branch] +
		(f->form.both && (t->kind[branch] & TREE_MISSING_TRUE) ? t->n_features : 0));
}

// Writes the nodes breadth first, children in pairs. Returns the steps to the deepest leaf, or -1
// where there are too many nodes.
static int walk_fill_tree(struct filling *f, uint32_t tree, uint32_t first, uint32_t *count)
{
	const struct trees *t = f->t;
	uint32_t n = 1, steps = 0;

	f->source[0] = t->root[tree];
	f->depth[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		const int32_t source = f->source[i];
		struct walk_node *node = &f->nodes[first + i];

		steps = f->depth[i] > steps ? f->depth[i] : steps;
		if (f->form.row_floats)
			f->leaf[first + i] = source < 0 ? (uint32_t)~source : 0;
		else
			f->weights[first + i] = source < 0 ? walk_weight_of(t, ~source) : 0;
		*node = (struct walk_node){ .key = KEY_LEAF };
		if (source < 0)
			continue;
		if (n + 2 > TREE_NODES || f->depth[i] == UINT8_MAX)
			return -1;
		node->key =
			question_is(t, (uint32_t)source) ? 1 : walk_key_of(t->threshold[source]);
		node->value = walk_value_index(f, (uint32_t)source);
		node->child = (uint16_t)(n - i);
		for (int c = 0; c < 2; c++, n++) {
			f->source[n] = t->children[source][1 - c];
			f->depth[n] = (uint8_t)(f->depth[i] + 1);
		}
	}
	*count = n;
	return (int)steps;
}

static int walk_by_steps(const void *a, const void *b)
{
	const struct walk_tree *x = a, *y = b;

	return x->steps != y->steps    ? (x->steps < y->steps ? -1 : 1)
		: x->first != y->first ? (x->first < y->first ? -1 : 1)
				       : 0;
}

static int walk_by_leaves(const void *a, const void *b)
{
	const struct walk_tree *x = a, *y = b;

	if (x->n_leaves != y->n_leaves)
		return x->n_leaves < y->n_leaves ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static void walk_sort(const struct trees *t, struct walk_tree *trees, uint32_t *targets)
{
	qsort(trees, t->n_trees, sizeof(*trees), walk_by_leaves);
	for (uint32_t i = 0; i < t->n_trees; i++) {
		targets[i] = trees[i].slot;
		trees[i].slot = i % TREES_PART;
	}
	for (uint32_t i = 0; i < t->n_trees; i += TREES_PART) {
		const uint32_t left = t->n_trees - i;

		qsort(trees + i, left < TREES_PART ? left : TREES_PART, sizeof(*trees),
			walk_by_steps);
	}
}

// Where leaves are rows the trees keep their order, and those that are walked at once take as many
// steps as the deepest of them needs.
static void walk_level_steps(struct walk_tree *trees, uint32_t n)
{
	for (uint32_t i = 0; i + TREES_AT_ONCE <= n; i += TREES_AT_ONCE) {
		uint32_t most = 0;

		for (uint32_t k = 0; k < TREES_AT_ONCE; k++)
			most = trees[i + k].steps > most ? trees[i + k].steps : most;
		trees[i + TREES_AT_ONCE - 1].steps = most;
	}
}

static int walk_fill_trees(struct filling *f, struct walk_tree *trees)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < f->t->n_trees; i++) {
		uint32_t count = 0;
		const int steps = walk_fill_tree(f, i, first, &count);

		if (steps < 0)
			return -ENOTSUP;
		trees[i] = (struct walk_tree){ first, (uint32_t)steps, trees_target(f->t, i),
			(count + 1) / 2 };
		first += count;
	}
	return 0;
}

static int walk_pack_questions(
	char *bytes, const struct walk_layout *at, const struct trees *t, const struct questions *q)
{
	memcpy(bytes + at->sets, q->sets, q->n_sets * sizeof(*q->sets));
	memcpy(bytes + at->asked, q->asked, q->n_asked * sizeof(*q->asked));
	questions_fill(q, t, (void *)(bytes + at->answers));
	return q->n_asked > 0 ? trees_plain_pack(bytes + at->plain, t) : 0;
}

static void walk_pack_rows(const struct filling *f, float *rows)
{
	const uint32_t floats = f->form.row_floats;

	for (uint32_t l = 0; floats && l < f->t->n_leaves; l++)
		trees_fill_row(f->t, (int32_t)l, floats, rows + (size_t)l * floats);
}

static int walk_pack(struct filling *f, const struct questions *q, char *bytes)
{
	const struct trees *t = f->t;
	const struct walk_layout at = walk_layout_of(t, f->form.row_floats, q);
	struct walk_tree *trees = (struct walk_tree *)(bytes + at.trees);
	int rc;

	f->nodes = (struct walk_node *)(bytes + at.nodes);
	f->weights = (void *)(bytes + at.weights);
	f->leaf = (void *)(bytes + at.weights);
	f->question = q->question;
	rc = walk_fill_trees(f, trees);
	if (rc == 0)
		rc = walk_pack_questions(bytes, &at, t, q);
	if (rc != 0)
		return rc;
	walk_pack_rows(f, (void *)(bytes + at.rows));
	if (f->form.row_floats)
		walk_level_steps(trees, t->n_trees);
	else
		walk_sort(t, trees, (uint32_t *)(void *)(bytes + at.targets));
	memcpy(bytes + at.base, t->base, t->n_targets * sizeof(float));
	*(struct walk_ensemble *)(void *)bytes = (struct walk_ensemble){ .n_trees = t->n_trees,
		.n_features = t->n_features,
		.n_targets = t->n_targets,
		.n_questions = q->n,
		.n_sets = q->n_sets,
		.n_asked = q->n_asked,
		.sets = (void *)(bytes + at.sets),
		.answers = (void *)(bytes + at.answers),
		.asked = (void *)(bytes + at.asked),
		.plain = q->n_asked ? (void *)(bytes + at.plain) : NULL,
		.missing_copies = f->form.both ? 2 : 1,
		.missing_true = f->form.missing_true,
		.trees = trees,
		.nodes = f->nodes,
		.weights = f->weights,
		.base = (void *)(bytes + at.base),
		.targets = (void *)(bytes + at.targets),
		.row_floats = f->form.row_floats,
		.leaf = f->leaf,
		.rows = (void *)(bytes + at.rows) };
	return 0;
}

int trees_walk_pack(void *packed, const struct trees *t)
{
	struct filling f = { .t = t, .source = malloc(TREE_NODES * sizeof(int32_t)) };
	struct questions q = { 0 };
	int rc = -ENOTSUP;

	f.depth = malloc(TREE_NODES);
	if (!f.source || !f.depth)
		rc = -ENOMEM;
	else if (walk_is_supported(t, &f.form))
		rc = questions_init(&q, t, f.form.n_questions);
	if (rc == 0)
		rc = walk_pack(&f, &q, packed);
	questions_fini(&q);
	free(f.source);
	free(f.depth);
	return rc;
}

// --- Scoring ------------------------------------------------------------------------------------

static void walk_answer(const struct walk_ensemble *walk, const float *x, uint32_t *answers)
{
	for (uint32_t s = 0; s < walk->n_sets; s++) {
		const struct question_sets *sets = &walk->sets[s];
		const size_t class = question_class(x[sets->feature], sets->n_values);

		memcpy(answers + sets->first, walk->answers + sets->answers + class * sets->count,
			sets->count * sizeof(*answers));
	}
	for (uint32_t i = 0; i < walk->n_asked; i++) {
		const uint32_t branch = walk->asked[i].branch;

		answers[walk->asked[i].question] =
			trees_decide(walk->plain, branch, x[walk->plain->feature[branch]])
			? 0
			: QUESTION_FALSE;
	}
}

static void walk_fill_keys(const struct walk_ensemble *walk, const float *x, uint32_t *keys)
{
	const uint32_t n = walk->n_features, missing = walk->missing_true ? 0 : KEY_MISSING;

	for (uint32_t i = 0; i < n; i++) {
		const bool is_missing = x[i] != x[i];
		const uint32_t key = walk_key_of(x[i]);

		if (walk->missing_copies == 2) {
			keys[i] = is_missing ? KEY_MISSING : key;
			keys[n + i] = is_missing ? 0 : key;
		} else {
			keys[i] = is_missing ? missing : key;
		}
	}
}

static inline const struct walk_node *walk_next_node(
	const struct walk_node *node, const uint32_t *keys)
{
	const uint32_t further = node->child + (uint32_t)(keys[node->value] >= node->key);

	return node + further;
}

// Finds the leaves that the row reaches in the trees that are walked at once.
static inline __attribute__((always_inline)) void walk_turns(const struct walk_ensemble *walk,
	const struct walk_tree *trees, const uint32_t *keys, uint32_t nodes[TREES_AT_ONCE])
{
	const struct walk_node *at[TREES_AT_ONCE];

	for (int k = 0; k < TREES_AT_ONCE; k++)
		at[k] = walk->nodes + trees[k].first;
	for (uint32_t s = 0; s < trees[TREES_AT_ONCE - 1].steps; s++) {
#pragma GCC unroll 8
		for (int k = 0; k < TREES_AT_ONCE; k++)
			at[k] = walk_next_node(at[k], keys);
	}
	for (int k = 0; k < TREES_AT_ONCE; k++)
		nodes[k] = (uint32_t)(at[k] - walk->nodes);
}

static uint32_t walk_one(
	const struct walk_ensemble *walk, const struct walk_tree *tree, const uint32_t *keys)
{
	const struct walk_node *at = walk->nodes + tree->first;

	for (uint32_t s = 0; s < tree->steps; s++)
		at = walk_next_node(at, keys);
	return (uint32_t)(at - walk->nodes);
}

// Writes what each of n trees adds, in the order of the sum.
static inline void walk_part(const struct walk_ensemble *walk, const struct walk_tree *trees,
	uint32_t n, const uint32_t *keys, float weights[TREES_PART])
{
	uint32_t at[TREES_AT_ONCE], i = 0;

	for (; i + TREES_AT_ONCE <= n; i += TREES_AT_ONCE) {
		walk_turns(walk, trees + i, keys, at);
		for (int k = 0; k < TREES_AT_ONCE; k++)
			weights[trees[i + k].slot] = walk->weights[at[k]];
	}
	for (; i < n; i++)
		weights[trees[i].slot] = walk->weights[walk_one(walk, trees + i, keys)];
}

static void walk_score(const struct walk_ensemble *walk, const uint32_t *keys, float *y)
{
	float weights[TREES_PART];

	memcpy(y, walk->base, walk->n_targets * sizeof(*y));
	for (uint32_t first = 0; first < walk->n_trees; first += TREES_PART) {
		const uint32_t left = walk->n_trees - first,
			       n = left < TREES_PART ? left : TREES_PART;

		walk_part(walk, walk->trees + first, n, keys, weights);
		if (walk->n_targets == 1) {
			float sum = y[0];

			for (uint32_t i = 0; i < n; i++)
				sum += weights[i];
			y[0] = sum;
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			y[walk->targets[first + i]] += weights[i];
	}
}

// `floats` is a constant where it is small, so that the loop is unrolled.
static inline __attribute__((always_inline)) void walk_sum_rows(
	const struct walk_ensemble *walk, const uint32_t *keys, float *sums, uint32_t floats)
{
	const struct walk_tree *trees = walk->trees, *end = trees + walk->n_trees;
	uint32_t at[TREES_AT_ONCE];

	for (; trees + TREES_AT_ONCE <= end; trees += TREES_AT_ONCE) {
		walk_turns(walk, trees, keys, at);
#pragma GCC unroll 8
		for (int k = 0; k < TREES_AT_ONCE; k++)
			trees_add_row(
				sums, walk->rows + walk->leaf[at[k]] * (size_t)floats, floats);
	}
	for (; trees < end; trees++) {
		const size_t leaf = walk->leaf[walk_one(walk, trees, keys)];

		trees_add_row(sums, walk->rows + leaf * floats, floats);
	}
}

static void walk_score_rows(const struct walk_ensemble *walk, const uint32_t *keys, float *y)
{
	float sums[TREE_ROW_MAX] = { 0 };

	if (walk->row_floats == 2)
		walk_sum_rows(walk, keys, sums, 2);
	else if (walk->row_floats == 4)
		walk_sum_rows(walk, keys, sums, 4);
	else if (walk->row_floats == 8)
		walk_sum_rows(walk, keys, sums, 8);
	else
		walk_sum_rows(walk, keys, sums, walk->row_floats);
	for (uint32_t t = 0; t < walk->n_targets; t++)
		y[t] = walk->base[t] + sums[t];
}

void u32_trees_8x1__scalar(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct walk_ensemble *walk = packed;
	uint32_t keys[2 * FEATURES_MAX + QUESTIONS_MAX];

	assert(walk->n_features <= FEATURES_MAX && walk->row_floats <= TREE_ROW_MAX);
	for (uint32_t row = 0; row < m; row++, x += ldx, y += ldy) {
		walk_fill_keys(walk, x, keys);
		if (walk->n_questions)
			walk_answer(walk, x, keys + walk->missing_copies * walk->n_features);
		if (walk->row_floats)
			walk_score_rows(walk, keys, y);
		else
			walk_score(walk, keys, y);
	}
}
