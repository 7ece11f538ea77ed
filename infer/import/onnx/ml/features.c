// SPDX-License-Identifier: BSD-3-Clause
// Operators of ai.onnx.ml that make columns of columns: Imputer, Binarizer, ArrayFeatureExtractor,
// FeatureVectorizer.
#include "infer/import/onnx/ml/features.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

uint32_t ml_emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no)
{
	const uint32_t inputs[3] = { condition, yes, no };

	if (condition == GRAPH_NONE || yes == GRAPH_NONE || no == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, inputs, 0, NULL);
}

uint32_t ml_emit_as(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype)
{
	return tensor == GRAPH_NONE ? tensor : onnx_as(onnx, node, tensor, dtype);
}

// [n] whole numbers of an attribute as a constant of `dtype`.
uint32_t ml_ints(struct onnx *onnx, const struct onnx_node *node, const Onnx__AttributeProto *attr,
	enum dtype dtype)
{
	const int64_t dims[1] = { (int64_t)attr->n_ints };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_I64, 1, dims, &data);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(data, attr->ints, attr->n_ints * sizeof(int64_t));
	return onnx_as(onnx, node, made, dtype);
}

uint32_t ml_floats(
	struct onnx *onnx, const struct onnx_node *node, size_t count, const float *values)
{
	const int64_t dims[1] = { (int64_t)count };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_F32, 1, dims, &data);

	if (made != GRAPH_NONE)
		memcpy(data, values, count * sizeof(float));
	return made;
}

uint32_t ml_int(struct onnx *onnx, const struct onnx_node *node, int64_t value, enum dtype dtype)
{
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	*(int64_t *)data = value;
	return onnx_as(onnx, node, made, dtype);
}

// x == value, where NaN is itself as ai.onnx.ml has it.
static uint32_t emit_is(struct onnx *onnx, const struct onnx_node *node, uint32_t x, float value)
{
	if (isnan(value))
		return onnx_emit(onnx, node, OP_IS_NAN, 1, &x, 0, NULL);
	return onnx_emit_pair(onnx, node, OP_EQUAL, x, onnx_scalar(onnx, node, value));
}

int onnx_import_imputer(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t x = node->inputs[0];
	const struct tensor *tensor = onnx_input(onnx, node, 0);
	const bool whole = !dtype_is_float(tensor->dtype);
	const enum dtype dtype = tensor->dtype;
	const int64_t columns = tensor->rank ? tensor->dims[tensor->rank - 1] : 1;
	const Onnx__AttributeProto *ints, *old_int, *old_float;
	const float *floats;
	size_t n_floats, count;
	uint32_t found, by;

	if (onnx_attr(onnx, node, "imputed_value_int64s", ATTRIBUTE(INTS), &ints) ||
		onnx_floats(onnx, node, "imputed_value_floats", &n_floats, &floats) ||
		onnx_attr(onnx, node, "replaced_value_int64", ATTRIBUTE(INT), &old_int) ||
		onnx_attr(onnx, node, "replaced_value_float", ATTRIBUTE(FLOAT), &old_float))
		return -EINVAL;
	count = whole ? (ints ? ints->n_ints : 0) : n_floats;
	if (count == 0 || !(whole ? old_int : old_float))
		return onnx_refuse(onnx, node, -EINVAL,
			"the input is %s, but imputed_value_%s or replaced_value_%s is missing",
			dtype_name(dtype), whole ? "int64s" : "floats", whole ? "int64" : "float");
	if (count != 1 && count != (uint64_t)columns)
		return onnx_refuse(onnx, node, -EINVAL,
			"%zu imputed values for %" PRId64 " columns, should be 1 or one for each",
			count, columns);
	if (whole) {
		found = onnx_emit_pair(
			onnx, node, OP_EQUAL, x, ml_int(onnx, node, old_int->i, dtype));
		by = ml_ints(onnx, node, ints, dtype);
	} else {
		found = emit_is(onnx, node, x, old_float->f);
		by = ml_floats(onnx, node, n_floats, floats);
	}
	return onnx_output(onnx, node, 0, ml_emit_where(onnx, node, found, by, x));
}

int onnx_import_binarizer(struct onnx *onnx, const struct onnx_node *node)
{
	const enum dtype dtype = onnx_input(onnx, node, 0)->dtype;
	const uint32_t x = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	float threshold;
	uint32_t above;

	if (onnx_float(onnx, node, "threshold", 0, &threshold))
		return -EINVAL;
	above = onnx_emit_pair(onnx, node, OP_GREATER, x, onnx_scalar(onnx, node, threshold));
	return onnx_output(onnx, node, 0, ml_emit_as(onnx, node, above, dtype));
}

// Along the last axis; what has one axis only becomes a row.
int onnx_import_array_feature_extractor(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	const bool row = x->rank == 1;
	const int64_t columns = x->rank ? x->dims[x->rank - 1] : 0;
	const struct attr axis = ONNX_INT(ATTR_AXIS, (int64_t)x->rank - 1);
	uint32_t from[2] = { node->inputs[0] }, made;
	int64_t dims[2] = { 1, 0 };
	const int64_t *known;

	if (columns == 0)
		return onnx_refuse(onnx, node, -EINVAL, "the input %s has no columns",
			tensor_shape_text(x).text);
	from[1] = onnx_as(onnx, node, node->inputs[1], DTYPE_I64);
	if (from[1] == GRAPH_NONE)
		return -ENOMEM;
	dims[1] = tensor_elements(&onnx->graph->tensors[from[1]]);
	known = onnx->graph->tensors[from[1]].data;
	for (int64_t i = 0; known && i < dims[1]; i++) {
		if (known[i] < 0 || known[i] >= columns)
			return onnx_refuse(onnx, node, -EINVAL,
				"index %" PRId64 " of %" PRId64 " columns", known[i], columns);
	}
	from[1] = onnx_emit_reshape(onnx, node, from[1], 1, &dims[1]);
	if (from[1] == GRAPH_NONE)
		return -EINVAL;
	made = onnx_emit(onnx, node, OP_GATHER, 2, from, 1, &axis);
	if (made != GRAPH_NONE && row)
		made = onnx_emit_reshape(onnx, node, made, 2, dims);
	return onnx_output(onnx, node, 0, made);
}

int onnx_import_feature_vectorizer(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	const Onnx__AttributeProto *sizes;

	if (onnx_attr(onnx, node, "inputdimensions", ATTRIBUTE(INTS), &sizes))
		return -EINVAL;
	if (sizes && sizes->n_ints != node->n_inputs)
		return onnx_refuse(onnx, node, -EINVAL, "%zu inputdimensions for %u inputs",
			sizes->n_ints, node->n_inputs);
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const struct onnx_node one = { node->proto, node->name, node->type, 1,
			&node->inputs[i] };
		int64_t columns;

		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
		node->inputs[i] = onnx_as_row(onnx, &one, &columns);
		if (node->inputs[i] == GRAPH_NONE)
			return -EINVAL;
		if (sizes && sizes->ints[i] != columns)
			return onnx_refuse(onnx, node, -EINVAL,
				"input %u has %" PRId64 " columns, inputdimensions says %" PRId64,
				i, columns, sizes->ints[i]);
	}
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, OP_CONCAT, node->n_inputs, node->inputs, 1, &axis));
}
