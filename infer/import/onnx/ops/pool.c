// SPDX-License-Identifier: BSD-3-Clause
// MaxPool, AveragePool, LpPool, and the same over everything.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ops/window.h"
#include "infer/import/onnx/refuse.h"

struct pool_attributes {
	struct onnx_window window;
	int64_t ceil_mode, count_include_pad, column_major, p;
};

static int emit_pool(
	struct onnx *onnx, const struct onnx_node *node, const struct pool_attributes *pool)
{
	const struct onnx_window *w = &pool->window;
	const bool indices = node->proto->n_output > 1 && *node->proto->output[1];
	const struct attr attrs[] = { ONNX_INTS(ATTR_KERNEL_SHAPE, w->n, w->kernel),
		ONNX_INTS(ATTR_STRIDES, w->n, w->strides),
		ONNX_INTS(ATTR_DILATIONS, w->n, w->dilations),
		ONNX_INTS(ATTR_PADS, 2 * w->n, w->pads),
		ONNX_INT(ATTR_CEIL_MODE, pool->ceil_mode != 0),
		ONNX_INT(ATTR_COUNT_INCLUDE_PAD, pool->count_include_pad != 0),
		ONNX_INT(ATTR_COLUMN_MAJOR, pool->column_major != 0), ONNX_INT(ATTR_P, pool->p) };
	const struct onnx_emission emission = {
		.op = node->op, .n_inputs = 1, .inputs = node->inputs, .n_attrs = 8, .attrs = attrs
	};
	uint32_t outputs[2];
	int rc;

	if (node->op != OP_MAX_POOL && node->proto->n_output > 1)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu outputs, should have 1",
			node->proto->n_output);
	rc = onnx_emit_outputs(onnx, node, &emission, indices ? 2 : 1, outputs);
	if (rc == 0)
		rc = onnx_output(onnx, node, 0, outputs[0]);
	return rc == 0 && indices ? onnx_output(onnx, node, 1, outputs[1]) : rc;
}

// The norm's exponent; the others have no such attribute.
static int read_p(struct onnx *onnx, const struct onnx_node *node, int64_t *p)
{
	*p = 2;
	return node->op == OP_LP_POOL ? onnx_int(onnx, node, "p", 2, p) : 0;
}

static int import_pool(struct onnx *onnx, const struct onnx_node *node)
{
	struct pool_attributes pool;

	if (onnx_read_window(onnx, node, NULL, false, &pool.window) ||
		onnx_int(onnx, node, "ceil_mode", 0, &pool.ceil_mode) ||
		onnx_int(onnx, node, "count_include_pad", 0, &pool.count_include_pad) ||
		onnx_int(onnx, node, "storage_order", 0, &pool.column_major) ||
		read_p(onnx, node, &pool.p))
		return onnx_refused(onnx);
	return emit_pool(onnx, node, &pool);
}

// One window over everything.
static int import_global_pool(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	struct pool_attributes pool = { 0 };

	if (onnx_read_window(onnx, node, x->dims + 2, false, &pool.window) ||
		read_p(onnx, node, &pool.p))
		return onnx_refused(onnx);
	return emit_pool(onnx, node, &pool);
}

const struct onnx_operator ONNX_POOL[] = {
	{ "MaxPool", 1, 1, import_pool, OP_MAX_POOL },
	{ "AveragePool", 1, 1, import_pool, OP_AVERAGE_POOL },
	{ "LpPool", 1, 1, import_pool, OP_LP_POOL },
	{ "GlobalMaxPool", 1, 1, import_global_pool, OP_MAX_POOL },
	{ "GlobalAveragePool", 1, 1, import_global_pool, OP_AVERAGE_POOL },
	{ "GlobalLpPool", 1, 1, import_global_pool, OP_LP_POOL },
	{ .type = NULL },
};
