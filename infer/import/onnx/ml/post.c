// SPDX-License-Identifier: BSD-3-Clause
// What ai.onnx.ml does to scores at the end: post_transform, as ONNX Runtime computes it.
#include "infer/import/onnx/ml/ml.h"

#include <string.h>

int onnx_read_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform *post)
{
	static const char *const NAMES[POST_COUNT] = { "NONE", "SOFTMAX", "LOGISTIC",
		"SOFTMAX_ZERO", "PROBIT" };
	const char *name;

	if (onnx_string(onnx, node, "post_transform", "NONE", &name))
		return -EINVAL;
	for (*post = POST_NONE; *post < POST_COUNT; (*post)++) {
		if (strcmp(name, NAMES[*post]) == 0)
			return 0;
	}
	return onnx_refuse(onnx, node, -EINVAL,
		"post_transform is '%.20s', should be NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or "
		"PROBIT",
		name);
}

static uint32_t one(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a)
{
	return a == GRAPH_NONE ? a : onnx_emit(onnx, node, op, 1, &a, 0, NULL);
}

// Softmax of those that are not 0; the others get no share of it.
static uint32_t emit_softmax_zero(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	const struct attr attrs[] = { { .key = ATTR_AXES,
					      .kind = ATTR_KIND_INTS,
					      .count = 1,
					      .ints = (const int64_t[]){ 1 } },
		ONNX_INT(ATTR_KEEPDIMS, 1) };
	uint32_t most = onnx_emit(onnx, node, OP_REDUCE_MAX, 1, &x, 2, attrs), sum;
	uint32_t mask = onnx_emit_pair(
		onnx, node, OP_GREATER, one(onnx, node, OP_ABS, x), onnx_scalar(onnx, node, 1e-7f));
	uint32_t shares = one(onnx, node, OP_EXP, onnx_emit_pair(onnx, node, OP_SUB, x, most));
	uint32_t pick[3] = { mask, shares, onnx_scalar(onnx, node, 0) };

	if (mask == GRAPH_NONE || shares == GRAPH_NONE || pick[2] == GRAPH_NONE)
		return GRAPH_NONE;
	sum = onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL);
	if (sum == GRAPH_NONE)
		return GRAPH_NONE;
	sum = onnx_emit(onnx, node, OP_REDUCE_SUM, 1, &sum, 2, attrs);
	// What is so small that it counts as 0 is scaled as ONNX Runtime does.
	pick[2] = onnx_emit_pair(
		onnx, node, OP_MUL, x, one(onnx, node, OP_EXP, one(onnx, node, OP_NEG, most)));
	if (pick[2] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit_pair(
		onnx, node, OP_DIV, onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL), sum);
}

// sqrt(2) erfinv(2 p - 1), erfinv by Winitzki's approximation with a = 0.147, as ONNX Runtime has
// it.
static uint32_t emit_probit(struct onnx *onnx, const struct onnx_node *node, uint32_t p)
{
#define PAIR(op, a, b) onnx_emit_pair(onnx, node, op, a, b)
#define CONST(value)   onnx_scalar(onnx, node, value)
	const uint32_t t = PAIR(OP_SUB, PAIR(OP_MUL, p, CONST(2)), CONST(1));
	const uint32_t log = one(onnx, node, OP_LOG,
		PAIR(OP_MUL, PAIR(OP_SUB, CONST(1), t), PAIR(OP_ADD, CONST(1), t)));
	const uint32_t v =
		PAIR(OP_ADD, PAIR(OP_MUL, log, CONST(0.5f)), CONST(2 / (3.14159f * 0.147f)));
	const uint32_t v2 = PAIR(OP_MUL, log, CONST(1 / 0.147f));
	const uint32_t v3 =
		PAIR(OP_SUB, one(onnx, node, OP_SQRT, PAIR(OP_SUB, PAIR(OP_MUL, v, v), v2)), v);
	const uint32_t size = PAIR(OP_MUL, one(onnx, node, OP_SQRT, v3), CONST(1.41421356f));
	const uint32_t pick[3] = { PAIR(OP_LESS, t, CONST(0)), one(onnx, node, OP_NEG, size),
		size };
#undef PAIR
#undef CONST

	if (pick[0] == GRAPH_NONE || pick[1] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL);
}

uint32_t onnx_emit_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform post, uint32_t scores)
{
	const struct attr axis = { .key = ATTR_AXIS, .kind = ATTR_KIND_INT, .count = 1, .i = -1 };

	switch (post) {
	case POST_NONE:
		return scores;
	case POST_SOFTMAX:
		return onnx_emit(onnx, node, OP_SOFTMAX, 1, &scores, 1, &axis);
	case POST_LOGISTIC:
		return onnx_emit(onnx, node, OP_SIGMOID, 1, &scores, 0, NULL);
	case POST_SOFTMAX_ZERO:
		return emit_softmax_zero(onnx, node, scores);
	default:
		return emit_probit(onnx, node, scores);
	}
}
