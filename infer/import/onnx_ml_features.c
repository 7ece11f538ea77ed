// SPDX-License-Identifier: BSD-3-Clause
// Operators of ai.onnx.ml that make columns of columns: Imputer, Binarizer, OneHotEncoder,
// LabelEncoder, ArrayFeatureExtractor, FeatureVectorizer. Texts have no place in a row of float32.
#include "infer/import/onnx_ml.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static uint32_t emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no)
{
	const uint32_t inputs[3] = { condition, yes, no };

	if (condition == GRAPH_NONE || yes == GRAPH_NONE || no == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, inputs, 0, NULL);
}

static uint32_t emit_as(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype)
{
	return tensor == GRAPH_NONE ? tensor : onnx_as(onnx, node, tensor, dtype);
}

// [n] whole numbers of an attribute as a constant of `dtype`.
static uint32_t made_ints(struct onnx *onnx, const struct onnx_node *node,
	const Onnx__AttributeProto *attr, enum dtype dtype)
{
	const int64_t dims[1] = { (int64_t)attr->n_ints };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_I64, 1, dims, &data);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(data, attr->ints, attr->n_ints * sizeof(int64_t));
	return onnx_as(onnx, node, made, dtype);
}

static uint32_t made_floats(
	struct onnx *onnx, const struct onnx_node *node, size_t count, const float *values)
{
	const int64_t dims[1] = { (int64_t)count };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_F32, 1, dims, &data);

	if (made != GRAPH_NONE)
		memcpy(data, values, count * sizeof(float));
	return made;
}

static uint32_t made_int(
	struct onnx *onnx, const struct onnx_node *node, int64_t value, enum dtype dtype)
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
			onnx, node, OP_EQUAL, x, made_int(onnx, node, old_int->i, dtype));
		by = made_ints(onnx, node, ints, dtype);
	} else {
		found = emit_is(onnx, node, x, old_float->f);
		by = made_floats(onnx, node, n_floats, floats);
	}
	return onnx_output(onnx, node, 0, emit_where(onnx, node, found, by, x));
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
	return onnx_output(onnx, node, 0, emit_as(onnx, node, above, dtype));
}

// x == each of keys[n]: bools [x's dims, n]. NaN among keys finds NaN.
static uint32_t emit_matches(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t keys)
{
	const struct tensor *tensor = &onnx->graph->tensors[x];
	int64_t dims[GRAPH_RANK_MAX + 1];
	const uint32_t rank = tensor->rank;
	uint32_t column, same, nans[2];

	memcpy(dims, tensor->dims, rank * sizeof(*dims));
	dims[rank] = 1;
	if (rank == GRAPH_RANK_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the input has %u dimensions, at most %d are possible", rank,
			GRAPH_RANK_MAX - 1);
		return GRAPH_NONE;
	}
	column = onnx_emit_reshape(onnx, node, x, rank + 1, dims);
	same = onnx_emit_pair(onnx, node, OP_EQUAL, column, keys);
	if (same == GRAPH_NONE || onnx->graph->tensors[keys].dtype != DTYPE_F32)
		return same;
	nans[0] = onnx_emit(onnx, node, OP_IS_NAN, 1, &column, 0, NULL);
	nans[1] = onnx_emit(onnx, node, OP_IS_NAN, 1, &keys, 0, NULL);
	return onnx_emit_pair(
		onnx, node, OP_OR, same, onnx_emit_pair(onnx, node, OP_AND, nans[0], nans[1]));
}

static int compare_ints(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int refuse_twins(
	struct onnx *onnx, const struct onnx_node *node, const Onnx__AttributeProto *attr)
{
	int64_t *sorted = arena_memdup(onnx->scratch, attr->ints, attr->n_ints * sizeof(*sorted));

	if (!sorted)
		return onnx_refuse(onnx, node, -ENOMEM, "out of memory");
	qsort(sorted, attr->n_ints, sizeof(*sorted), compare_ints);
	for (size_t i = 1; i < attr->n_ints; i++) {
		if (sorted[i] == sorted[i - 1])
			return onnx_refuse(onnx, node, -EINVAL,
				"attribute 'cats_int64s' has %" PRId64 " twice", sorted[i]);
	}
	return 0;
}

int onnx_import_one_hot_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *ints, *strings;
	const uint32_t x = onnx_as(onnx, node, node->inputs[0], DTYPE_I64);
	int64_t zeros;
	uint32_t keys;

	if (onnx_attr(onnx, node, "cats_int64s", ATTRIBUTE(INTS), &ints) ||
		onnx_attr(onnx, node, "cats_strings", ATTRIBUTE(STRINGS), &strings) ||
		onnx_int(onnx, node, "zeros", 1, &zeros))
		return -EINVAL;
	if (strings && strings->n_strings != 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"cats_strings: texts cannot be scored; cats_int64s can");
	if (!ints || ints->n_ints == 0 || ints->n_ints > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute 'cats_int64s' has %zu values, should have 1 to %d",
			ints ? ints->n_ints : 0, MODEL_OUTPUTS_MAX);
	if (refuse_twins(onnx, node, ints) != 0)
		return -EINVAL;
	if (!zeros)
		report_add(onnx->report,
			"OneHotEncoder '%.80s' wants unknown categories refused: they are all "
			"zeros",
			node->name);
	keys = made_ints(onnx, node, ints, DTYPE_I64);
	if (x == GRAPH_NONE || keys == GRAPH_NONE)
		return -ENOMEM;
	return onnx_output(
		onnx, node, 0, emit_as(onnx, node, emit_matches(onnx, node, x, keys), DTYPE_F32));
}

// keys or values: whichever of the attributes <what>_int64s, _floats, _tensor is there, as [n].
static int label_list(
	struct onnx *onnx, const struct onnx_node *node, const char *what, uint32_t *made)
{
	static const char *const KINDS[] = { "int64s", "floats", "tensor", "strings" };
	static const int TYPES[] = { ATTRIBUTE(INTS), ATTRIBUTE(FLOATS), ATTRIBUTE(TENSOR),
		ATTRIBUTE(STRINGS) };
	const Onnx__AttributeProto *attr, *found = NULL;
	uint32_t kind = 0;
	char name[24];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s_%s", what, KINDS[i]);
		if (onnx_attr(onnx, node, name, TYPES[i], &attr))
			return -EINVAL;
		if (!attr ||
			(attr->n_ints == 0 && attr->n_floats == 0 && attr->n_strings == 0 &&
				!attr->t))
			continue;
		if (found)
			return onnx_refuse(onnx, node, -EINVAL, "%s are given as %s and as %s",
				what, KINDS[kind], KINDS[i]);
		found = attr;
		kind = i;
	}
	snprintf(name, sizeof(name), "%s_%s", what, KINDS[kind]);
	if (!found)
		return onnx_refuse(onnx, node, -EINVAL, "has no %s", what);
	if (kind == 3)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "%s: texts cannot be scored; numbers can", name);
	if (kind == 2 && onnx_tensor(onnx, found->t, name, "attribute", made) != 0)
		return error_prefix(onnx->err, -EINVAL, "node '%.80s'", node->name);
	if (kind == 0)
		*made = made_ints(onnx, node, found, DTYPE_I64);
	else if (kind == 1)
		*made = made_floats(onnx, node, found->n_floats, found->floats);
	if (*made == GRAPH_NONE)
		return -ENOMEM;
	if (onnx->graph->tensors[*made].rank != 1)
		return onnx_refuse(onnx, node, -EINVAL, "attribute '%s' is %s, should be a list",
			name, tensor_shape_text(&onnx->graph->tensors[*made]).text);
	return 0;
}

// What is given for a value that is no key: -1, or -0.0, where the file does not say.
static uint32_t label_default(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype)
{
	const Onnx__AttributeProto *tensor;
	int64_t whole;
	float real;
	uint32_t made;

	if (onnx_int(onnx, node, "default_int64", -1, &whole) ||
		onnx_float(onnx, node, "default_float", -0.0f, &real) ||
		onnx_attr(onnx, node, "default_tensor", ATTRIBUTE(TENSOR), &tensor))
		return GRAPH_NONE;
	if (!tensor || !tensor->t)
		return dtype_is_float(dtype) ? onnx_scalar(onnx, node, real)
					     : made_int(onnx, node, whole, dtype);
	if (onnx_tensor(onnx, tensor->t, "default_tensor", "attribute", &made) != 0) {
		error_prefix(onnx->err, -EINVAL, "node '%.80s'", node->name);
		return GRAPH_NONE;
	}
	if (tensor_elements(&onnx->graph->tensors[made]) != 1) {
		onnx_refuse(onnx, node, -EINVAL,
			"attribute 'default_tensor' is %s, should be one value",
			tensor_shape_text(&onnx->graph->tensors[made]).text);
		return GRAPH_NONE;
	}
	made = onnx_reshaped(onnx, made, node->name, 0, NULL);
	return made == GRAPH_NONE ? made : onnx_as(onnx, node, made, dtype);
}

// The value of the first key that is the input's.
static uint32_t emit_lookup(struct onnx *onnx, const struct onnx_node *node, uint32_t matches,
	uint32_t values, uint32_t otherwise)
{
	const int64_t last = onnx->graph->tensors[matches].rank - 1;
	const struct attr first[2] = { ONNX_INT(ATTR_AXIS, last), ONNX_INT(ATTR_KEEPDIMS, 0) };
	const struct attr any[2] = {
		{ .key = ATTR_AXES, .kind = ATTR_KIND_INTS, .count = 1, .ints = &last },
		ONNX_INT(ATTR_KEEPDIMS, 0),
	};
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const uint32_t hits = emit_as(onnx, node, matches, DTYPE_F32);
	uint32_t from[2] = { values }, value, found;

	if (hits == GRAPH_NONE)
		return GRAPH_NONE;
	from[1] = onnx_emit(onnx, node, OP_ARG_MAX, 1, &hits, 2, first);
	found = onnx_emit(onnx, node, OP_REDUCE_MAX, 1, &hits, 2, any);
	if (from[1] == GRAPH_NONE || found == GRAPH_NONE)
		return GRAPH_NONE;
	value = onnx_emit(onnx, node, OP_GATHER, 2, from, 1, &axis);
	return emit_where(onnx, node, emit_as(onnx, node, found, DTYPE_BOOL), value, otherwise);
}

int onnx_import_label_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *classes;
	uint32_t keys = 0, values = 0, otherwise, x, matches;
	int64_t n;
	int rc;

	if (onnx_attr(onnx, node, "classes_strings", ATTRIBUTE(STRINGS), &classes))
		return -EINVAL;
	if (classes)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"classes_strings: texts cannot be scored; keys and values of numbers can");
	rc = label_list(onnx, node, "keys", &keys);
	if (rc == 0)
		rc = label_list(onnx, node, "values", &values);
	if (rc != 0)
		return rc;
	n = tensor_elements(&onnx->graph->tensors[keys]);
	if (n == 0 || n != tensor_elements(&onnx->graph->tensors[values]))
		return onnx_refuse(onnx, node, -EINVAL,
			"%" PRId64 " keys and %" PRId64
			" values, should be one of each at least, and as many",
			n, tensor_elements(&onnx->graph->tensors[values]));
	otherwise = label_default(onnx, node, onnx->graph->tensors[values].dtype);
	if (otherwise == GRAPH_NONE)
		return -EINVAL;
	if (dtype_is_float(onnx->graph->tensors[keys].dtype) !=
		dtype_is_float(onnx_input(onnx, node, 0)->dtype))
		return onnx_refuse(onnx, node, -EINVAL, "the input is %s, the keys are %s",
			dtype_name(onnx_input(onnx, node, 0)->dtype),
			dtype_name(onnx->graph->tensors[keys].dtype));
	x = onnx_as(onnx, node, node->inputs[0], onnx->graph->tensors[keys].dtype);
	matches = x == GRAPH_NONE ? x : emit_matches(onnx, node, x, keys);
	if (matches == GRAPH_NONE)
		return -EINVAL;
	return onnx_output(onnx, node, 0, emit_lookup(onnx, node, matches, values, otherwise));
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
