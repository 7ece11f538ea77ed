// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/values.h"

#include <string.h>

uint32_t onnx_as_operator(struct onnx *onnx, const struct onnx_node *node, const char *type,
	uint32_t n_inputs, const uint32_t *inputs)
{
	const struct onnx_operator *op = onnx->find(ONNX_DOMAIN_AI, type);
	Onnx__NodeProto proto = *node->proto;
	struct onnx_node as = *node;
	struct onnx_value *value;
	char *name;

	assert(op);
	for (uint32_t i = 0; i < op->inputs_min; i++) {
		if (i >= n_inputs || inputs[i] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	name = (char *)(uintptr_t)onnx_fresh_name(onnx, node->name, ':');
	as.inputs = arena_memdup(onnx->scratch, inputs, n_inputs * sizeof(*inputs));
	if (!name || !as.inputs) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	proto.output = &name;
	proto.n_output = 1;
	as.proto = &proto;
	as.n_inputs = n_inputs;
	as.op = op->op;
	if (op->import(onnx, &as) != 0)
		return GRAPH_NONE;
	value = onnx_value(onnx, name);
	return value ? value->tensor : GRAPH_NONE;
}

uint32_t onnx_emit_transpose(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, const int64_t *perm)
{
	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	const struct attr attr = ONNX_INTS(ATTR_PERM, onnx->graph->tensors[x].rank, perm);

	return onnx_emit(onnx, node, OP_TRANSPOSE, 1, &x, 1, &attr);
}

uint32_t onnx_emit_part(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t axis,
	int64_t start, int64_t count, int64_t step)
{
	int64_t starts[GRAPH_RANK_MAX] = { 0 }, steps[GRAPH_RANK_MAX], counts[GRAPH_RANK_MAX];
	const struct tensor *tensor;

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	tensor = &onnx->graph->tensors[x];
	for (uint32_t d = 0; d < tensor->rank; d++) {
		steps[d] = d == axis ? step : 1;
		counts[d] = d == axis ? count : tensor->dims[d];
	}
	starts[axis] = start;
	const struct attr attrs[] = { ONNX_INTS(ATTR_STARTS, tensor->rank, starts),
		ONNX_INTS(ATTR_STEPS, tensor->rank, steps),
		ONNX_INTS(ATTR_SHAPE, tensor->rank, counts) };

	return onnx_emit(onnx, node, OP_SLICE, 1, &x, 3, attrs);
}

uint32_t onnx_emit_concat(
	struct onnx *onnx, const struct onnx_node *node, uint32_t a, uint32_t b, uint32_t axis)
{
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	const uint32_t pair[2] = { a, b };

	return b == GRAPH_NONE ? GRAPH_NONE : onnx_emit(onnx, node, OP_CONCAT, 2, pair, 1, &attr);
}
