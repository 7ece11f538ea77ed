// SPDX-License-Identifier: BSD-3-Clause
// OneHotEncoder and LabelEncoder of ai.onnx.ml. Texts cannot be scored: a row is float32.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
		return onnx_refuse_memory(onnx, node);
	qsort(sorted, attr->n_ints, sizeof(*sorted), compare_ints);
	for (size_t i = 1; i < attr->n_ints; i++) {
		if (sorted[i] == sorted[i - 1])
			return onnx_refuse(onnx, node, -EINVAL,
				"attribute 'cats_int64s' has %" PRId64 " twice", sorted[i]);
	}
	return 0;
}

static int import_one_hot_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *ints, *strings;
	const uint32_t x = onnx_as(onnx, node, node->inputs[0], DTYPE_I64);
	int64_t zeros;
	uint32_t keys;

	if (onnx_attr(onnx, node, "cats_int64s", ONNX_ATTRIBUTE(INTS), &ints) ||
		onnx_attr(onnx, node, "cats_strings", ONNX_ATTRIBUTE(STRINGS), &strings) ||
		onnx_int(onnx, node, "zeros", 1, &zeros))
		return onnx_refused(onnx);
	if (strings && strings->n_strings != 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"cats_strings: texts cannot be scored; cats_int64s can");
	if (!ints || ints->n_ints == 0 || ints->n_ints > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute 'cats_int64s' has %zu values, should have 1 to %d",
			ints ? ints->n_ints : 0, MODEL_OUTPUTS_MAX);
	if (refuse_twins(onnx, node, ints) != 0)
		return onnx_refused(onnx);
	if (!zeros)
		report_add(onnx->report,
			"OneHotEncoder '%.80s' wants unknown categories refused: they are all "
			"zeros",
			node->name);
	keys = onnx_int_columns(onnx, node, ints, DTYPE_I64);
	if (x == GRAPH_NONE || keys == GRAPH_NONE)
		return onnx_refused(onnx);
	return onnx_output(
		onnx, node, 0, onnx_as(onnx, node, emit_matches(onnx, node, x, keys), DTYPE_F32));
}

// keys or values: whichever of the attributes <what>_int64s, _floats, _tensor is there, as [n].
static int label_list(
	struct onnx *onnx, const struct onnx_node *node, const char *what, uint32_t *made)
{
	static const char *const KINDS[] = { "int64s", "floats", "tensor", "strings" };
	static const int TYPES[] = { ONNX_ATTRIBUTE(INTS), ONNX_ATTRIBUTE(FLOATS),
		ONNX_ATTRIBUTE(TENSOR), ONNX_ATTRIBUTE(STRINGS) };
	const Onnx__AttributeProto *attr, *found = NULL;
	uint32_t kind = 0;
	char name[24];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s_%s", what, KINDS[i]);
		if (onnx_attr(onnx, node, name, TYPES[i], &attr))
			return onnx_refused(onnx);
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
		return error_prefix(onnx->err, "node '%.80s'", node->name);
	if (kind == 0)
		*made = onnx_int_columns(onnx, node, found, DTYPE_I64);
	else if (kind == 1)
		*made = onnx_float_columns(onnx, node, found->n_floats, found->floats);
	if (*made == GRAPH_NONE)
		return onnx_refused(onnx);
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
		onnx_attr(onnx, node, "default_tensor", ONNX_ATTRIBUTE(TENSOR), &tensor))
		return GRAPH_NONE;
	if (!tensor || !tensor->t)
		return dtype_is_float(dtype) ? onnx_scalar(onnx, node, real)
					     : onnx_int_scalar(onnx, node, whole, dtype);
	if (onnx_tensor(onnx, tensor->t, "default_tensor", "attribute", &made) != 0) {
		error_prefix(onnx->err, "node '%.80s'", node->name);
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
		ONNX_INTS(ATTR_AXES, 1, &last),
		ONNX_INT(ATTR_KEEPDIMS, 0),
	};
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const uint32_t hits = onnx_as(onnx, node, matches, DTYPE_F32);
	uint32_t from[2] = { values }, value, found;

	if (hits == GRAPH_NONE)
		return GRAPH_NONE;
	from[1] = onnx_emit(onnx, node, OP_ARG_MAX, 1, &hits, 2, first);
	found = onnx_emit(onnx, node, OP_REDUCE_MAX, 1, &hits, 2, any);
	if (from[1] == GRAPH_NONE || found == GRAPH_NONE)
		return GRAPH_NONE;
	value = onnx_emit(onnx, node, OP_GATHER, 2, from, 1, &axis);
	return onnx_emit_where(
		onnx, node, onnx_as(onnx, node, found, DTYPE_BOOL), value, otherwise);
}

static int import_label_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *classes;
	uint32_t keys = 0, values = 0, otherwise, x, matches;
	int64_t n;
	int rc;

	if (onnx_attr(onnx, node, "classes_strings", ONNX_ATTRIBUTE(STRINGS), &classes))
		return onnx_refused(onnx);
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
		return onnx_refused(onnx);
	if (dtype_is_float(onnx->graph->tensors[keys].dtype) !=
		dtype_is_float(onnx_input(onnx, node, 0)->dtype))
		return onnx_refuse(onnx, node, -EINVAL, "the input is %s, the keys are %s",
			dtype_name(onnx_input(onnx, node, 0)->dtype),
			dtype_name(onnx->graph->tensors[keys].dtype));
	x = onnx_as(onnx, node, node->inputs[0], onnx->graph->tensors[keys].dtype);
	matches = x == GRAPH_NONE ? x : emit_matches(onnx, node, x, keys);
	if (matches == GRAPH_NONE)
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0, emit_lookup(onnx, node, matches, values, otherwise));
}

const struct onnx_operator ONNX_ML_ENCODERS[] = {
	{ "OneHotEncoder", 1, 1, .import = import_one_hot_encoder },
	{ "LabelEncoder", 1, 1, .import = import_label_encoder },
	{ .type = NULL },
};
