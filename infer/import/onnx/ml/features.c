// SPDX-License-Identifier: BSD-3-Clause
// Operators of ai.onnx.ml that make columns of columns: Imputer, Binarizer, ArrayFeatureExtractor,
// FeatureVectorizer.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// x == value, where NaN is itself as ai.onnx.ml has it.
static uint32_t emit_is(struct onnx *onnx, const struct onnx_node *node, uint32_t x, float value)
{
	if (isnan(value))
		return onnx_emit(onnx, node, OP_IS_NAN, 1, &x, 0, NULL);
	return onnx_emit_pair(onnx, node, OP_EQUAL, x, onnx_scalar(onnx, node, value));
}

static int import_imputer(struct onnx *onnx, const struct onnx_node *node)
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

	if (onnx_attr(onnx, node, "imputed_value_int64s", ONNX_ATTRIBUTE(INTS), &ints) ||
		onnx_floats(onnx, node, "imputed_value_floats", &n_floats, &floats) ||
		onnx_attr(onnx, node, "replaced_value_int64", ONNX_ATTRIBUTE(INT), &old_int) ||
		onnx_attr(onnx, node, "replaced_value_float", ONNX_ATTRIBUTE(FLOAT), &old_float))
		return onnx_refused(onnx);
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
			onnx, node, OP_EQUAL, x, onnx_int_scalar(onnx, node, old_int->i, dtype));
		by = onnx_int_columns(onnx, node, ints, dtype);
	} else {
		found = emit_is(onnx, node, x, old_float->f);
		by = onnx_float_columns(onnx, node, n_floats, floats);
	}
	return onnx_output(onnx, node, 0, onnx_emit_where(onnx, node, found, by, x));
}

static int import_binarizer(struct onnx *onnx, const struct onnx_node *node)
{
	const enum dtype dtype = onnx_input(onnx, node, 0)->dtype;
	const uint32_t x = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	float threshold;
	uint32_t above;

	if (onnx_float(onnx, node, "threshold", 0, &threshold))
		return onnx_refused(onnx);
	above = onnx_emit_pair(onnx, node, OP_GREATER, x, onnx_scalar(onnx, node, threshold));
	return onnx_output(onnx, node, 0, onnx_as(onnx, node, above, dtype));
}

// Along the last axis; what has one axis only becomes a row.
static int import_array_feature_extractor(struct onnx *onnx, const struct onnx_node *node)
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
		return onnx_refused(onnx);
	dims[1] = tensor_elements(&onnx->graph->tensors[from[1]]);
	known = onnx->graph->tensors[from[1]].data;
	for (int64_t i = 0; known && i < dims[1]; i++) {
		if (known[i] < 0 || known[i] >= columns)
			return onnx_refuse(onnx, node, -EINVAL,
				"index %" PRId64 " of %" PRId64 " columns", known[i], columns);
	}
	from[1] = onnx_emit_reshape(onnx, node, from[1], 1, &dims[1]);
	if (from[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	made = onnx_emit(onnx, node, OP_GATHER, 2, from, 1, &axis);
	if (made != GRAPH_NONE && row)
		made = onnx_emit_reshape(onnx, node, made, 2, dims);
	return onnx_output(onnx, node, 0, made);
}

static int import_feature_vectorizer(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	const Onnx__AttributeProto *sizes;

	if (onnx_attr(onnx, node, "inputdimensions", ONNX_ATTRIBUTE(INTS), &sizes))
		return onnx_refused(onnx);
	if (sizes && sizes->n_ints != node->n_inputs)
		return onnx_refuse(onnx, node, -EINVAL, "%zu inputdimensions for %u inputs",
			sizes->n_ints, node->n_inputs);
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		struct onnx_node one = *node;
		int64_t columns;

		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
		one.inputs += i;
		one.n_inputs = 1;
		if (onnx_input(onnx, node, i)->rank > 2) { // all that is of a row is side by side
			const struct tensor *x = onnx_input(onnx, node, i);
			const int64_t row[2] = { 1, tensor_elements(x) };

			if (x->dims[0] != 1)
				return onnx_refuse(onnx, node, -ENOTSUP,
					"input %u is %s, should be one row of any dimensions", i,
					tensor_shape_text(x).text);
			node->inputs[i] = onnx_emit_reshape(onnx, node, node->inputs[i], 2, row);
			if (node->inputs[i] == GRAPH_NONE)
				return onnx_refused(onnx);
		}
		node->inputs[i] = onnx_as_row(onnx, &one, &columns);
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refused(onnx);
		if (sizes && sizes->ints[i] != columns)
			return onnx_refuse(onnx, node, -EINVAL,
				"input %u has %" PRId64 " columns, inputdimensions says %" PRId64,
				i, columns, sizes->ints[i]);
	}
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, OP_CONCAT, node->n_inputs, node->inputs, 1, &axis));
}

// (x - offset) * scale, offset and scale one for all columns or one for each.
static int import_scaler(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const NAMES[2] = { "offset", "scale" };
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t columns = x->rank ? x->dims[x->rank - 1] : 1;
	uint32_t made = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);

	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	for (int i = 0; i < 2; i++) {
		const float *values;
		size_t count;

		if (onnx_floats(onnx, node, NAMES[i], &count, &values))
			return onnx_refused(onnx);
		if (count == 0)
			continue;
		if (count != 1 && count != (size_t)columns)
			return onnx_refuse(onnx, node, -EINVAL,
				"%s has %zu values, the input %lld columns", NAMES[i], count,
				(long long)columns);
		made = onnx_emit_pair(onnx, node, i ? OP_MUL : OP_SUB, made,
			onnx_float_columns(onnx, node, count, values));
		if (made == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	if (onnx->graph->tensors[made].data || made == node->inputs[0])
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

static int import_normalizer(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const NORMS[NORM_COUNT] = { "MAX", "L1", "L2" };
	const char *norm;

	node->inputs[0] = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	if (node->inputs[0] == GRAPH_NONE || onnx_string(onnx, node, "norm", "MAX", &norm))
		return onnx_refused(onnx);
	if (onnx_input(onnx, node, 0)->rank > 2)
		return onnx_refuse(onnx, node, -EINVAL,
			"the input has %u dimensions, should be [N, C] or [C]",
			onnx_input(onnx, node, 0)->rank);
	for (int64_t n = 0; n < NORM_COUNT; n++) {
		const struct attr attr = ONNX_INT(ATTR_NORM, n);

		if (strcmp(norm, NORMS[n]) == 0)
			return onnx_output(onnx, node, 0,
				onnx_emit(onnx, node, OP_NORMALIZER, 1, node->inputs, 1, &attr));
	}
	return onnx_refuse(onnx, node, -EINVAL, "norm is '%.20s', should be MAX, L1 or L2", norm);
}

const struct onnx_operator ONNX_ML_FEATURES[] = {
	{ "Scaler", 1, 1, .import = import_scaler },
	{ "Normalizer", 1, 1, .import = import_normalizer },
	{ "Binarizer", 1, 1, .import = import_binarizer },
	{ "Imputer", 1, 1, .import = import_imputer },
	{ "ArrayFeatureExtractor", 2, 2, .import = import_array_feature_extractor },
	{ "FeatureVectorizer", 1, GRAPH_NODE_IO_MAX, .import = import_feature_vectorizer },
	{ .type = NULL },
};
