// SPDX-License-Identifier: BSD-3-Clause
// FULLY_CONNECTED and BATCH_MATMUL.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

// Any dimensions are rows of the weights' width, [outputs][inputs]; with keep_num_dims they stay.
static int product_import_dense(struct tflite *t, const struct tflite_node *node)
{
	static const int64_t PERM[2] = { 1, 0 };
	const struct flatbuffer_table *options = &node->op->options;
	const struct tflite_tensor *x = tflite_input(t, node, 0), *w = tflite_input(t, node, 1);
	const bool biased = tflite_inputs_given(node) > 2;
	const bool keeps = flatbuffer_int(options, 2, 1, 0) != 0 && x && x->rank > 2;
	const struct tflite_attr turned = TFLITE_INT("transB", 1);
	const char *inputs[3], *made;
	int64_t shape[2] = { -1, 0 };

	if (flatbuffer_int(options, 1, 1, 0) != 0)
		return tflite_refuse(
			t, node, -ENOTSUP, "weights in a shuffled order are not supported");
	if (!x || !w || w->rank != 2 || x->rank < 1)
		return tflite_refuse(t, node, -EINVAL, "the weights should have 2 dimensions");
	t->hybrid |= !tflite_has_scale(x) && tflite_has_scale(w);
	shape[1] = w->dims[1];
	inputs[0] = tflite_real(t, node, 0);
	inputs[1] = inputs[0] ? tflite_real(t, node, 1) : NULL;
	inputs[2] = biased && inputs[1] ? tflite_real(t, node, 2) : NULL;
	if (!inputs[1] || (biased && !inputs[2]))
		return t->err->code;
	if (!keeps && (x->rank != 2 || x->dims[1] != w->dims[1]))
		inputs[0] = tflite_pair(t, "Reshape", inputs[0], tflite_ints(t, 2, shape));
	if (keeps) {
		made = tflite_pair(
			t, "MatMul", inputs[0], tflite_transposed(t, inputs[1], 2, PERM));
		made = biased ? tflite_pair(t, "Add", made, inputs[2]) : made;
	} else {
		made = tflite_write(t, "Gemm", biased ? 3 : 2, inputs, 1, &turned);
	}
	made = tflite_activated(t, node, flatbuffer_int(options, 0, 1, 0), made);
	return tflite_give(t, node, 0, made, TFLITE_NHWC);
}

static const char *product_side(
	struct tflite *t, const struct tflite_node *node, uint32_t i, bool turned)
{
	const struct tflite_tensor *x = tflite_input(t, node, i);
	int64_t perm[GRAPH_RANK_MAX];

	if (!turned)
		return tflite_real(t, node, i);
	if (!x || x->rank < 2) {
		tflite_refuse(t, node, -EINVAL, "input %u should have 2 dimensions or more", i);
		return NULL;
	}
	for (uint32_t d = 0; d < x->rank; d++)
		perm[d] = d;
	perm[x->rank - 1] = x->rank - 2;
	perm[x->rank - 2] = x->rank - 1;
	return tflite_transposed(t, tflite_real(t, node, i), x->rank, perm);
}

static int product_import_batches(struct tflite *t, const struct tflite_node *node)
{
	const char *a = product_side(t, node, 0, flatbuffer_int(&node->op->options, 0, 1, 0) != 0);
	const char *b = a
		? product_side(t, node, 1, flatbuffer_int(&node->op->options, 1, 1, 0) != 0)
		: NULL;

	return tflite_give(t, node, 0, tflite_pair(t, "MatMul", a, b), TFLITE_NHWC);
}

const struct tflite_builtin TFLITE_PRODUCT[] = {
	{ 9, "FULLY_CONNECTED", 2, 3, 1, product_import_dense },
	{ 126, "BATCH_MATMUL", 2, 2, 1, product_import_batches },
	{ .name = NULL },
};
