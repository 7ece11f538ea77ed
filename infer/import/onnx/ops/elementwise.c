// SPDX-License-Identifier: BSD-3-Clause
// Operators that take values one by one, in pairs or in threes, on every dtype.
#include "infer/import/onnx/onnx.h"

#include <string.h>

// Operators whose name and meaning are the graph's, any number of inputs, no attributes.
int onnx_import_same(struct onnx *onnx, const struct onnx_node *node)
{
	for (enum op op = 0; op < OP_COUNT; op++) {
		if (strcmp(op_name(op), node->type) == 0)
			return onnx_import_as(onnx, node, op, node->n_inputs, 0, NULL);
	}
	return onnx_refuse(onnx, node, -ENOTSUP, "operator not supported");
}

// Greater, Less, Equal, And, Or, Xor, Pow: broadcast by attributes before opset 7.
int onnx_import_pair(struct onnx *onnx, const struct onnx_node *node)
{
	int rc = onnx_old_broadcast(onnx, node);

	return rc ? rc : onnx_import_same(onnx, node);
}

int onnx_import_mod(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t fmod;

	if (onnx_int(onnx, node, "fmod", 0, &fmod))
		return -EINVAL;
	const struct attr attr = ONNX_INT(ATTR_FMOD, fmod != 0);
	return onnx_import_as(onnx, node, OP_MOD, 2, 1, &attr);
}

int onnx_import_bit_shift(struct onnx *onnx, const struct onnx_node *node)
{
	const char *direction;

	if (onnx_string(onnx, node, "direction", "", &direction))
		return -EINVAL;
	if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"direction is '%.20s', should be LEFT or RIGHT", direction);
	const struct attr attr = ONNX_INT(ATTR_RIGHT, direction[0] == 'R');
	return onnx_import_as(onnx, node, OP_BIT_SHIFT, 2, 1, &attr);
}

// Min, Max, Sum, Mean of any number: a chain of pairs.
int onnx_import_chain(struct onnx *onnx, const struct onnx_node *node)
{
	const enum op op = strcmp(node->type, "Min") == 0 ? OP_MIN
		: strcmp(node->type, "Max") == 0          ? OP_MAX
							  : OP_ADD;
	uint32_t made;

	if (onnx_as_floats(onnx, node))
		return -ENOMEM;
	made = node->inputs[0];
	for (uint32_t i = 1; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
		made = onnx_emit_pair(onnx, node, op, made, node->inputs[i]);
		if (made == GRAPH_NONE)
			return -EINVAL;
	}
	if (strcmp(node->type, "Mean") == 0 && node->n_inputs > 1)
		made = onnx_emit_pair(
			onnx, node, OP_DIV, made, onnx_scalar(onnx, node, (float)node->n_inputs));
	else if (node->n_inputs == 1)
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

int onnx_import_arg(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, keep, last;

	if (onnx_int(onnx, node, "axis", 0, &axis) || onnx_int(onnx, node, "keepdims", 1, &keep) ||
		onnx_int(onnx, node, "select_last_index", 0, &last))
		return -EINVAL;
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, axis), ONNX_INT(ATTR_KEEPDIMS, keep),
		ONNX_INT(ATTR_LAST, last) };
	return onnx_import_as(onnx, node,
		node->type[3] == 'M' && node->type[4] == 'a' ? OP_ARG_MAX : OP_ARG_MIN, 1, 3,
		attrs);
}

int onnx_import_transpose(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *found;

	if (onnx_attr(onnx, node, "perm", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, &found))
		return -EINVAL;
	if (found && found->n_ints > GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP, "%zu dimensions, at most %d are supported",
			found->n_ints, GRAPH_RANK_MAX);
	const struct attr attr = { .key = ATTR_PERM,
		.kind = ATTR_KIND_INTS,
		.count = found ? (uint32_t)found->n_ints : 0,
		.ints = found ? found->ints : NULL };
	return onnx_import_as(onnx, node, OP_TRANSPOSE, 1, found != NULL, &attr);
}
