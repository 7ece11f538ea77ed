// SPDX-License-Identifier: BSD-3-Clause
// What ai.onnx.ml does to scores at the end: post_transform, as ONNX Runtime computes it.
#include "infer/import/onnx/ml/post.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <string.h>

static const char *const NAMES[POST_COUNT] = { "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
	"PROBIT" };

int onnx_read_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform *post)
{
	const char *name;

	if (onnx_string(onnx, node, "post_transform", "NONE", &name))
		return onnx_refused(onnx);
	for (*post = POST_NONE; *post < POST_COUNT; (*post)++) {
		if (strcmp(name, NAMES[*post]) == 0)
			return 0;
	}
	return onnx_refuse(onnx, node, -EINVAL,
		"post_transform is '%.20s', should be NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or "
		"PROBIT",
		name);
}

enum post_transform onnx_post_of_targets(struct onnx *onnx, const struct onnx_node *node,
	enum post_transform post, int64_t n_targets)
{
	if (n_targets != 1 || post == POST_NONE || post == POST_PROBIT)
		return post;
	report_add(onnx->report,
		"'%.80s': post_transform %s is left out of one output, as ONNX Runtime does; the "
		"specification applies it",
		node->name, NAMES[post]);
	return POST_NONE;
}

// Softmax of those that are not 0; the others get no share of it.
static uint32_t emit_softmax_zero(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	const int64_t last = 1;
	const struct attr attrs[] = { ONNX_INTS(ATTR_AXES, 1, &last), ONNX_INT(ATTR_KEEPDIMS, 1) };
	const uint32_t most = onnx_emit(onnx, node, OP_REDUCE_MAX, 1, &x, 2, attrs);
	const uint32_t mask =
		onnx_emit_with(onnx, node, OP_GREATER, onnx_emit_one(onnx, node, OP_ABS, x), 1e-7f);
	const uint32_t shares =
		onnx_emit_one(onnx, node, OP_EXP, onnx_emit_pair(onnx, node, OP_SUB, x, most));
	uint32_t sum, small;

	sum = onnx_emit_where(onnx, node, mask, shares, onnx_scalar(onnx, node, 0));
	sum = onnx_emit(onnx, node, OP_REDUCE_SUM, 1, &sum, 2, attrs);
	// What is so small that it counts as 0 is scaled as ONNX Runtime does.
	small = onnx_emit_one(onnx, node, OP_EXP, onnx_emit_one(onnx, node, OP_NEG, most));
	small = onnx_emit_pair(onnx, node, OP_MUL, x, small);
	return onnx_emit_pair(
		onnx, node, OP_DIV, onnx_emit_where(onnx, node, mask, shares, small), sum);
}

// sqrt(2) erfinv(2 p - 1), erfinv by Winitzki's approximation with a = 0.147, as ONNX Runtime has
// it.
static uint32_t emit_probit(struct onnx *onnx, const struct onnx_node *node, uint32_t p)
{
#define ONE(op, a)     onnx_emit_one(onnx, node, op, a)
#define PAIR(op, a, b) onnx_emit_pair(onnx, node, op, a, b)
#define CONST(value)   onnx_scalar(onnx, node, value)
	const uint32_t t = PAIR(OP_SUB, PAIR(OP_MUL, p, CONST(2)), CONST(1));
	const uint32_t log =
		ONE(OP_LOG, PAIR(OP_MUL, PAIR(OP_SUB, CONST(1), t), PAIR(OP_ADD, CONST(1), t)));
	const uint32_t v =
		PAIR(OP_ADD, PAIR(OP_MUL, log, CONST(0.5f)), CONST(2 / (3.14159f * 0.147f)));
	const uint32_t v2 = PAIR(OP_MUL, log, CONST(1 / 0.147f));
	const uint32_t v3 = PAIR(OP_SUB, ONE(OP_SQRT, PAIR(OP_SUB, PAIR(OP_MUL, v, v), v2)), v);
	const uint32_t size = PAIR(OP_MUL, ONE(OP_SQRT, v3), CONST(1.41421356f));
	const uint32_t below = PAIR(OP_LESS, t, CONST(0));

	return onnx_emit_where(onnx, node, below, ONE(OP_NEG, size), size);
#undef ONE
#undef PAIR
#undef CONST
}

uint32_t onnx_emit_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform post, uint32_t scores)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, -1);

	if (scores == GRAPH_NONE)
		return GRAPH_NONE;
	switch (post) {
	case POST_NONE:
		return scores;
	case POST_SOFTMAX:
		return onnx_emit(onnx, node, OP_SOFTMAX, 1, &scores, 1, &axis);
	case POST_LOGISTIC:
		return onnx_emit_one(onnx, node, OP_SIGMOID, scores);
	case POST_SOFTMAX_ZERO:
		return emit_softmax_zero(onnx, node, scores);
	default:
		return emit_probit(onnx, node, scores);
	}
}
