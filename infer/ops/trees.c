// SPDX-License-Identifier: BSD-3-Clause
// Tree ensembles: dtypes and lengths of the arrays are checked here, their contents by
// trees_check().
#include "infer/graph/trees.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"

#include <inttypes.h>

// The form of an input: as long as input `like`, or where that is 0 of any length from `more` on.
static const struct trees_input_form {
	enum dtype dtype;
	uint32_t rank, like, more;
	bool optional;
} FORMS[TREES_INPUT_COUNT] = {
	[TREES_ROOT] = { DTYPE_I32, 1, 0, 1, false },
	[TREES_FEATURE] = { DTYPE_I32, 1, 0, 0, false },
	[TREES_THRESHOLD] = { DTYPE_F32, 1, TREES_FEATURE, 0, false },
	[TREES_KIND] = { DTYPE_U8, 1, TREES_FEATURE, 0, false },
	[TREES_CHILDREN] = { DTYPE_I32, 2, TREES_FEATURE, 0, false },
	[TREES_WEIGHT_FIRST] = { DTYPE_I32, 1, 0, 2, false },
	[TREES_WEIGHT_TARGET] = { DTYPE_I32, 1, 0, 0, false },
	[TREES_WEIGHT] = { DTYPE_F32, 1, TREES_WEIGHT_TARGET, 0, false },
	[TREES_BASE] = { DTYPE_F32, 1, 0, 1, false },
	[TREES_SET] = { DTYPE_I32, 1, TREES_FEATURE, 0, true },
	[TREES_SET_FIRST] = { DTYPE_I32, 1, 0, 1, true },
	[TREES_SET_WORDS] = { DTYPE_U32, 1, 0, 0, true },
	[TREES_LINEAR_FIRST] = { DTYPE_I32, 1, TREES_WEIGHT_FIRST, 0, true },
	[TREES_LINEAR_CONSTANT] = { DTYPE_F32, 1, 0, 0, true },
	[TREES_LINEAR_FEATURE] = { DTYPE_I32, 1, 0, 0, true },
	[TREES_LINEAR_COEFFICIENT] = { DTYPE_F32, 1, TREES_LINEAR_FEATURE, 0, true },
};

static int trees_check_input(const struct inference *in, uint32_t i)
{
	const struct tensor *t = shape_input(in, i), *like = shape_input(in, FORMS[i].like);

	if (!t)
		return FORMS[i].optional ? 0 : shape_refuse(in, "input %" PRIu32 " is missing", i);
	if (shape_need_constant(in, i) != 0)
		return -EINVAL;
	if (t->dtype != FORMS[i].dtype || t->rank != FORMS[i].rank ||
		(t->rank == 2 && t->dims[1] != 2))
		return shape_refuse(in, "input %" PRIu32 " is %s %s, should be %s %s", i,
			dtype_name(t->dtype), tensor_shape_text(t).text, dtype_name(FORMS[i].dtype),
			FORMS[i].rank == 2 ? "[branches, 2]" : "a list");
	if (FORMS[i].like ? t->dims[0] != like->dims[0] : t->dims[0] < FORMS[i].more)
		return shape_refuse(in,
			"input %" PRIu32 " has %" PRId64 " values, should have %" PRId64 "%s", i,
			t->dims[0], FORMS[i].like ? like->dims[0] : FORMS[i].more,
			FORMS[i].like ? "" : " or more");
	return 0;
}

// The inputs of sets, and those of linear leaves, are there all together or not at all.
static int trees_check_groups(const struct inference *in)
{
	const struct tensor *first = shape_input(in, TREES_WEIGHT_FIRST);
	const struct tensor *constant = shape_input(in, TREES_LINEAR_CONSTANT);

	for (uint32_t i = TREES_SET; i <= TREES_SET_WORDS; i++) {
		if (!shape_input(in, i) != !shape_input(in, TREES_SET))
			return shape_refuse(in, "input %" PRIu32 ", of the sets, is missing", i);
	}
	for (uint32_t i = TREES_LINEAR_FIRST; i <= TREES_LINEAR_COEFFICIENT; i++) {
		if (!shape_input(in, i) != !shape_input(in, TREES_LINEAR_FIRST))
			return shape_refuse(
				in, "input %" PRIu32 ", of the linear leaves, is missing", i);
	}
	if (constant && constant->dims[0] + 1 != first->dims[0])
		return shape_refuse(in,
			"%" PRId64 " constants of linear leaves, should be %" PRId64,
			constant->dims[0], first->dims[0] - 1);
	return 0;
}

int shape_trees(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, TREES_X);
	struct trees trees;

	if (x->dtype != DTYPE_F32 || x->rank < 1 || x->rank > 2 || tensor_elements(x) == 0)
		return shape_refuse(in,
			"input 0 is %s %s, should be float32 [features] or [rows, features]",
			dtype_name(x->dtype), tensor_shape_text(x).text);
	if (trees_check_groups(in) != 0)
		return -EINVAL;
	for (uint32_t i = 1; i < TREES_INPUT_COUNT; i++) {
		if (trees_check_input(in, i) != 0)
			return -EINVAL;
	}
	if (shape_need_int(in, ATTR_AGGREGATE, TREES_SUM, 0, TREES_AGGREGATE_COUNT - 1) != 0)
		return -EINVAL;
	trees_of_node(in->graph, in->node, &trees);
	*out = (struct tensor){ .dtype = DTYPE_F32,
		.rank = 2,
		.dims = { x->rank == 2 ? x->dims[0] : 1, trees.n_targets } };
	return trees_check(&trees, in->err);
}

// --- Values -------------------------------------------------------------------------------------

static void trees_of_plain(const struct plain *plain, const void *const *x, struct trees *trees)
{
	const struct tensor *in[TREES_INPUT_COUNT] = { NULL };
	struct tensor own[TREES_INPUT_COUNT];

	for (uint32_t i = 0; i < plain->n_in; i++) {
		own[i] = plain->in[i];
		own[i].data = x[i];
		in[i] = x[i] ? &own[i] : NULL;
	}
	trees_of_tensors(in, plain->node, trees);
}

static void trees_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	struct trees trees;

	trees_of_plain(plain, x, &trees);
	for (int64_t row = 0; row < plain->out[0].dims[0]; row++)
		trees_score(&trees, (const float *)x[TREES_X] + row * trees.n_features,
			(float *)y[0] + row * trees.n_targets);
}

static uint64_t trees_work(const struct plain *plain)
{
	// 16: branches on the way down a tree. One leaf may have all the weights.
	return (uint64_t)plain->out[0].dims[0] *
		(16 * (uint64_t)plain->in[TREES_ROOT].dims[0] +
			(uint64_t)plain->in[TREES_WEIGHT].dims[0]);
}

const struct plain_op plain_trees = { .run = trees_plain, .work = trees_work };
