// SPDX-License-Identifier: BSD-3-Clause
// What pipelines of ai.onnx.ml do to features before a model: written as operators of ai.onnx.
// Semantics: Operators-ml.md, ONNX Runtime's where that is silent. Text is refused.
#include "infer/import/onnx_ml.h"

#include <math.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

// Numbers of an attribute, as floats or whole numbers.
struct numbers {
	enum dtype dtype; // F32 or I64
	size_t count;     // 0: not there
	const void *values;
};

static size_t width_of(const struct numbers *n)
{
	return n->dtype == DTYPE_F32 ? sizeof(float) : sizeof(int64_t);
}

// The first that is there of attributes FLOATS, INTS and (NULL: not looked for) a TENSOR.
static int read_numbers(struct onnx *onnx, const struct onnx_node *node, const char *floats_name,
	const char *ints_name, const char *tensor_name, struct numbers *n)
{
	const Onnx__AttributeProto *floats, *ints, *tensor = NULL;
	uint32_t made;

	*n = (struct numbers){ .dtype = DTYPE_F32 };
	if (onnx_attr(onnx, node, floats_name, ATTRIBUTE(FLOATS), &floats) ||
		onnx_attr(onnx, node, ints_name, ATTRIBUTE(INTS), &ints) ||
		(tensor_name && onnx_attr(onnx, node, tensor_name, ATTRIBUTE(TENSOR), &tensor)))
		return -EINVAL;
	if (floats && floats->n_floats > 0) {
		*n = (struct numbers){ DTYPE_F32, floats->n_floats, floats->floats };
	} else if (ints && ints->n_ints > 0) {
		*n = (struct numbers){ DTYPE_I64, ints->n_ints, ints->ints };
	} else if (tensor) {
		if (onnx_tensor(onnx, tensor->t, tensor_name, "attribute", &made))
			return -EINVAL;
		if (onnx->graph->tensors[made].dtype != DTYPE_F32)
			made = onnx_as(onnx, node, made, DTYPE_I64);
		if (made == GRAPH_NONE)
			return -EINVAL;
		*n = (struct numbers){ onnx->graph->tensors[made].dtype,
			(size_t)tensor_elements(&onnx->graph->tensors[made]),
			onnx->graph->tensors[made].data };
	}
	if (n->count > GRAPH_NODE_IO_MAX * 16)
		return onnx_refuse(onnx, node, -ENOTSUP, "has %zu values, at most %d are possible",
			n->count, GRAPH_NODE_IO_MAX * 16);
	return 0;
}

// A constant vector of them, or a scalar where it is one and `scalar`.
static uint32_t emit_numbers(
	struct onnx *onnx, const struct onnx_node *node, const struct numbers *n, bool scalar)
{
	const int64_t dims[1] = { (int64_t)n->count };
	void *data;
	uint32_t made =
		onnx_made(onnx, node, n->dtype, scalar && n->count == 1 ? 0 : 1, dims, &data);

	if (made != GRAPH_NONE)
		memcpy(data, n->values, n->count * width_of(n));
	return made;
}

static uint32_t emit_as(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype)
{
	return tensor == GRAPH_NONE ? GRAPH_NONE : onnx_as(onnx, node, tensor, dtype);
}

static uint32_t emit_where(
	struct onnx *onnx, const struct onnx_node *node, uint32_t mask, uint32_t yes, uint32_t no)
{
	const uint32_t inputs[3] = { mask, yes, no };

	if (mask == GRAPH_NONE || yes == GRAPH_NONE || no == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, inputs, 0, NULL);
}

int onnx_import_binarizer(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t x = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	float threshold;

	if (x == GRAPH_NONE || onnx_float(onnx, node, "threshold", 0, &threshold))
		return -EINVAL;
	return onnx_output(onnx, node, 0,
		emit_as(onnx, node,
			onnx_emit_pair(
				onnx, node, OP_GREATER, x, onnx_scalar(onnx, node, threshold)),
			DTYPE_F32));
}

// What equals the replaced value, or is NaN where that is, becomes the imputed one.
int onnx_import_imputer(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = node->inputs[0], mask, imputed;
	const struct tensor *in = onnx_input(onnx, node, 0);
	const int64_t columns = in->rank ? in->dims[in->rank - 1] : 1;
	struct numbers values;
	int64_t replaced_int;
	float replaced;

	if (read_numbers(
		    onnx, node, "imputed_value_floats", "imputed_value_int64s", NULL, &values) ||
		onnx_float(onnx, node, "replaced_value_float", 0, &replaced) ||
		onnx_int(onnx, node, "replaced_value_int64", 0, &replaced_int))
		return -EINVAL;
	if (values.count == 0 || (values.count != 1 && values.count != (size_t)columns))
		return onnx_refuse(onnx, node, -EINVAL,
			"has %zu imputed values for %lld columns, should have 1 or one for each",
			values.count, (long long)columns);
	x = onnx_as(onnx, node, x, values.dtype);
	imputed = emit_numbers(onnx, node, &values, true);
	if (x == GRAPH_NONE || imputed == GRAPH_NONE)
		return -EINVAL;
	if (values.dtype == DTYPE_I64) {
		const struct numbers one = { DTYPE_I64, 1, &replaced_int };

		mask = onnx_emit_pair(
			onnx, node, OP_EQUAL, x, emit_numbers(onnx, node, &one, true));
	} else if (isnan(replaced)) {
		mask = onnx_emit(onnx, node, OP_IS_NAN, 1, &x, 0, NULL);
	} else {
		mask = onnx_emit_pair(onnx, node, OP_EQUAL, x, onnx_scalar(onnx, node, replaced));
	}
	return onnx_output(onnx, node, 0, emit_where(onnx, node, mask, imputed, x));
}

// x with one more dimension of 1 at its end: [..., 1].
static uint32_t emit_column(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	int64_t dims[GRAPH_RANK_MAX + 1];
	const struct tensor *tensor;

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	tensor = &onnx->graph->tensors[x];
	if (tensor->rank + 1 > GRAPH_RANK_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP, "the input has %u dimensions, at most %d",
			tensor->rank, GRAPH_RANK_MAX - 1);
		return GRAPH_NONE;
	}
	memcpy(dims, tensor->dims, sizeof(tensor->dims));
	dims[tensor->rank] = 1;
	return onnx_emit_reshape(onnx, node, x, tensor->rank + 1, dims);
}

// [..., 1] against the keys [n]: which are equal. A key that is NaN equals NaN.
static uint32_t emit_matches(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, const struct numbers *keys)
{
	const int64_t dims[1] = { (int64_t)keys->count };
	uint32_t equal =
		onnx_emit_pair(onnx, node, OP_EQUAL, x, emit_numbers(onnx, node, keys, false));
	uint32_t is_nan, nan_keys;
	bool any = false;
	void *data;

	for (size_t i = 0; keys->dtype == DTYPE_F32 && i < keys->count; i++)
		any |= isnan(((const float *)keys->values)[i]);
	if (!any || equal == GRAPH_NONE)
		return equal;
	nan_keys = onnx_made(onnx, node, DTYPE_BOOL, 1, dims, &data);
	if (nan_keys == GRAPH_NONE)
		return GRAPH_NONE;
	for (size_t i = 0; i < keys->count; i++)
		((uint8_t *)data)[i] = isnan(((const float *)keys->values)[i]);
	is_nan = onnx_emit(onnx, node, OP_IS_NAN, 1, &x, 0, NULL);
	return onnx_emit_pair(
		onnx, node, OP_OR, equal, onnx_emit_pair(onnx, node, OP_AND, is_nan, nan_keys));
}

static int refuse_text(struct onnx *onnx, const struct onnx_node *node, const char *name)
{
	const Onnx__AttributeProto *strings;

	if (onnx_attr(onnx, node, name, ATTRIBUTE(STRINGS), &strings))
		return -EINVAL;
	if (strings && strings->n_strings > 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"attribute '%s' is text; rows hold numbers only", name);
	return 0;
}

int onnx_import_one_hot_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	struct numbers cats;
	int64_t zeros;
	uint32_t x;

	if (refuse_text(onnx, node, "cats_strings") ||
		read_numbers(onnx, node, "", "cats_int64s", NULL, &cats) ||
		onnx_int(onnx, node, "zeros", 1, &zeros))
		return -EINVAL;
	if (cats.count == 0)
		return onnx_refuse(onnx, node, -EINVAL, "has no categories: cats_int64s");
	if (!zeros)
		report_add(onnx->report,
			"OneHotEncoder '%.80s': a category that it does not know gives zeros, not "
			"an "
			"error",
			node->name);
	x = emit_column(onnx, node, onnx_as(onnx, node, node->inputs[0], DTYPE_I64));
	if (x == GRAPH_NONE)
		return -EINVAL;
	return onnx_output(
		onnx, node, 0, emit_as(onnx, node, emit_matches(onnx, node, x, &cats), DTYPE_F32));
}

// The default of one kind or the other, for values of `dtype`.
static int read_default(
	struct onnx *onnx, const struct onnx_node *node, enum dtype dtype, uint32_t *made)
{
	struct numbers value;
	int64_t whole;
	float real;

	if (read_numbers(onnx, node, "", "", "default_tensor", &value) ||
		onnx_int(onnx, node, "default_int64", -1, &whole) ||
		onnx_float(onnx, node, "default_float", -0.0f, &real))
		return -EINVAL;
	if (value.count == 0)
		value = (struct numbers){ dtype, 1, dtype == DTYPE_F32 ? (void *)&real : &whole };
	if (value.count != 1 || value.dtype != dtype)
		return onnx_refuse(
			onnx, node, -EINVAL, "the default should be one value of the values' type");
	*made = emit_numbers(onnx, node, &value, true);
	return *made == GRAPH_NONE ? -ENOMEM : 0;
}

// The value of the first key that is equal, or the default.
int onnx_import_label_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const TEXT[] = { "keys_strings", "values_strings", "classes_strings" };
	const struct attr last = ONNX_INT(ATTR_AXIS, -1), whole = ONNX_INT(ATTR_AXIS, 0);
	const struct attr drop[] = { ONNX_INT(ATTR_AXIS, -1), ONNX_INT(ATTR_KEEPDIMS, 0) };
	uint32_t x, matches, index, found, pair[2], otherwise = GRAPH_NONE;
	struct numbers keys, values;

	for (int i = 0; i < 3; i++)
		if (refuse_text(onnx, node, TEXT[i]))
			return -ENOTSUP;
	if (read_numbers(onnx, node, "keys_floats", "keys_int64s", "keys_tensor", &keys) ||
		read_numbers(
			onnx, node, "values_floats", "values_int64s", "values_tensor", &values) ||
		read_default(onnx, node, values.dtype, &otherwise))
		return -EINVAL;
	if (keys.count == 0 || keys.count != values.count)
		return onnx_refuse(onnx, node, -EINVAL,
			"has %zu keys and %zu values, should have as many of both, 1 at least",
			keys.count, values.count);
	x = emit_column(onnx, node, onnx_as(onnx, node, node->inputs[0], keys.dtype));
	if (x == GRAPH_NONE)
		return -EINVAL;
	matches = emit_as(onnx, node, emit_matches(onnx, node, x, &keys), DTYPE_F32);
	if (matches == GRAPH_NONE)
		return -EINVAL;
	(void)last;
	index = onnx_emit(onnx, node, OP_ARG_MAX, 1, &matches, 2, drop);
	pair[0] = emit_numbers(onnx, node, &values, false);
	pair[1] = index;
	if (index == GRAPH_NONE || pair[0] == GRAPH_NONE)
		return -EINVAL;
	found = onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &whole);
	// The key at the index found may still be another: where nothing matches it is the first.
	pair[0] = matches;
	pair[1] = emit_column(onnx, node, index);
	if (found == GRAPH_NONE || pair[1] == GRAPH_NONE)
		return -EINVAL;
	matches = onnx_emit(onnx, node, OP_GATHER_ELEMENTS, 2, pair, 1, &last);
	if (matches == GRAPH_NONE)
		return -EINVAL;
	matches = onnx_emit_reshape(onnx, node, matches, onnx->graph->tensors[found].rank,
		onnx->graph->tensors[found].dims);
	return onnx_output(onnx, node, 0,
		emit_where(onnx, node, emit_as(onnx, node, matches, DTYPE_BOOL), found, otherwise));
}

// Columns of the last dimension, by number. A vector gives one row.
int onnx_import_array_feature_extractor(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = onnx_input(onnx, node, 0), *y = onnx_input(onnx, node, 1);
	const int64_t count = tensor_elements(y), row[2] = { 1, count };
	const struct attr axis = ONNX_INT(ATTR_AXIS, -1);
	uint32_t pair[2], made;
	const bool is_vector = x->rank == 1;

	if (x->rank == 0 || count < 1)
		return onnx_refuse(
			onnx, node, -EINVAL, "needs an array and at least one column to take");
	pair[0] = node->inputs[0];
	pair[1] = onnx_as(onnx, node, node->inputs[1], DTYPE_I64);
	if (pair[1] != GRAPH_NONE)
		pair[1] = onnx_emit_reshape(onnx, node, pair[1], 1, &count);
	if (pair[1] == GRAPH_NONE)
		return -EINVAL;
	made = onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
	if (made != GRAPH_NONE && is_vector)
		made = onnx_emit_reshape(onnx, node, made, 2, row);
	return onnx_output(onnx, node, 0, made);
}

// Rows side by side, as floats.
int onnx_import_feature_vectorizer(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	uint32_t *rows = arena_calloc(onnx->scratch, node->n_inputs, sizeof(*rows));
	struct numbers widths;

	if (!rows)
		return onnx_refuse(onnx, node, -ENOMEM, "out of memory");
	if (read_numbers(onnx, node, "", "inputdimensions", NULL, &widths))
		return -EINVAL;
	if (widths.count != 0 && widths.count != node->n_inputs)
		return onnx_refuse(onnx, node, -EINVAL,
			"inputdimensions has %zu values for %u inputs", widths.count,
			node->n_inputs);
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		struct onnx_node one = *node;
		int64_t columns;

		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is left out", i);
		one.inputs = &node->inputs[i];
		rows[i] = onnx_as_row(onnx, &one, &columns);
		if (rows[i] == GRAPH_NONE)
			return -EINVAL;
		columns = onnx->graph->tensors[rows[i]].dims[1];
		if (widths.count && ((const int64_t *)widths.values)[i] != columns)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u has %lld columns where inputdimensions says %lld", i,
				(long long)columns, (long long)((const int64_t *)widths.values)[i]);
	}
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_CONCAT, node->n_inputs, rows, 1, &axis));
}
