// SPDX-License-Identifier: BSD-3-Clause
// MEAN and its like, SOFTMAX and its like, ARG_MAX.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

static const struct {
	int64_t code;
	const char *type;
} REDUCTIONS[] = {
	{ 40, "ReduceMean" },
	{ 74, "ReduceSum" },
	{ 81, "ReduceProd" },
	{ 82, "ReduceMax" },
	{ 89, "ReduceMin" },
};

// Over height and width, in whichever order they stand, the batch and channels are left in theirs.
static bool reduce_is_over_image(const struct tflite_tensor *x, const int64_t *axes, size_t n)
{
	return x->rank == 4 && n == 2 &&
		((axes[0] == 1 && axes[1] == 2) || (axes[0] == 2 && axes[1] == 1));
}

static int reduce_import(struct tflite *t, const struct tflite_node *node)
{
	static const int64_t IMAGE[2] = { 2, 3 };
	const struct tflite_tensor *x = tflite_input(t, node, 0);
	const bool keeps = flatbuffer_int(&node->op->options, 0, 1, 0) != 0;
	const struct tflite_attr attr = TFLITE_INT("keepdims", keeps);
	enum tflite_layout layout = TFLITE_NHWC;
	int64_t axes[GRAPH_RANK_MAX];
	const char *inputs[2];
	size_t n, k = 0;

	if (tflite_get_ints(t, node, 1, GRAPH_RANK_MAX, axes, &n))
		return t->err->code;
	if (!x || n == 0)
		return tflite_refuse(
			t, node, -ENOTSUP, "a reduction over no axes is not supported");
	for (size_t i = 0; i < n; i++)
		axes[i] += axes[i] < 0 ? x->rank : 0;
	if (tflite_home(t, node, 0) == TFLITE_NCHW && reduce_is_over_image(x, axes, n))
		layout = TFLITE_NCHW;
	inputs[0] = tflite_get(t, node, 0, TFLITE_REAL, layout);
	inputs[1] = tflite_ints(t, n, layout == TFLITE_NCHW ? IMAGE : axes);
	while (k + 1 < sizeof(REDUCTIONS) / sizeof(*REDUCTIONS) &&
		REDUCTIONS[k].code != node->op->code)
		k++;
	return tflite_give(t, node, 0, tflite_write(t, REDUCTIONS[k].type, 2, inputs, 1, &attr),
		keeps ? layout : TFLITE_NHWC);
}

// SOFTMAX of beta x, along the last axis.
static int reduce_import_softmax(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_attr last = TFLITE_INT("axis", -1);
	const float beta = node->op->options.at ? flatbuffer_float(&node->op->options, 0, 0) : 1;
	const char *x = tflite_real(t, node, 0);

	if (node->op->code == 25 && beta != 1)
		x = tflite_pair(t, "Mul", x, tflite_scalar(t, beta));
	return tflite_give(t, node, 0,
		tflite_write(t, node->op->code == 25 ? "Softmax" : "LogSoftmax", 1, &x, 1, &last),
		TFLITE_NHWC);
}

static int reduce_import_norm(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_attr attrs[] = { TFLITE_INT("axis", -1), TFLITE_INT("p", 2) };
	const char *x = tflite_real(t, node, 0);

	return tflite_give(t, node, 0,
		tflite_activated(t, node, flatbuffer_int(&node->op->options, 0, 1, 0),
			tflite_write(t, "LpNormalization", 1, &x, 2, attrs)),
		TFLITE_NHWC);
}

static int reduce_import_place(struct tflite *t, const struct tflite_node *node)
{
	const char *x;
	int64_t axis;
	size_t n;

	if (tflite_get_ints(t, node, 1, 1, &axis, &n))
		return t->err->code;
	if (n != 1)
		return tflite_refuse(t, node, -EINVAL, "should have one axis");
	x = tflite_real(t, node, 0);
	const struct tflite_attr attrs[] = { TFLITE_INT("axis", axis), TFLITE_INT("keepdims", 0) };

	x = tflite_write(t, node->op->code == 56 ? "ArgMax" : "ArgMin", 1, &x, 2, attrs);
	return tflite_give(t, node, 0,
		tflite_write(t, "Cast", 1, &x, 1,
			&TFLITE_INT("to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32)),
		TFLITE_NHWC);
}

static int reduce_import_running_sum(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_attr attrs[] = {
		TFLITE_INT("exclusive", flatbuffer_int(&node->op->options, 0, 1, 0) != 0),
		TFLITE_INT("reverse", flatbuffer_int(&node->op->options, 1, 1, 0) != 0)
	};
	const char *inputs[2] = { tflite_real(t, node, 0) };

	inputs[1] = inputs[0] ? tflite_real(t, node, 1) : NULL;
	return tflite_give(t, node, 0, tflite_write(t, "CumSum", 2, inputs, 2, attrs), TFLITE_NHWC);
}

const struct tflite_builtin TFLITE_REDUCE[] = {
	{ 11, "L2_NORMALIZATION", 1, 1, 1, reduce_import_norm },
	{ 25, "SOFTMAX", 1, 1, 1, reduce_import_softmax },
	{ 40, "MEAN", 2, 2, 1, reduce_import },
	{ 50, "LOG_SOFTMAX", 1, 1, 1, reduce_import_softmax },
	{ 56, "ARG_MAX", 2, 2, 1, reduce_import_place },
	{ 74, "SUM", 2, 2, 1, reduce_import },
	{ 79, "ARG_MIN", 2, 2, 1, reduce_import_place },
	{ 81, "REDUCE_PROD", 2, 2, 1, reduce_import },
	{ 82, "REDUCE_MAX", 2, 2, 1, reduce_import },
	{ 89, "REDUCE_MIN", 2, 2, 1, reduce_import },
	{ 128, "CUMSUM", 2, 2, 1, reduce_import_running_sum },
	{ .name = NULL },
};
