// SPDX-License-Identifier: BSD-3-Clause
// Operators that move no values: Reshape, Flatten, Squeeze, Unsqueeze become the graph's Reshape
// with every dimension known; Constant and Cast.
#include "infer/import/onnx.h"

#include <math.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name
#define ELEMENT(name)   ONNX__TENSOR_PROTO__DATA_TYPE__##name

static int reshape_to(
	struct onnx *onnx, const struct onnx_node *node, uint32_t rank, const int64_t *dims)
{
	bool is_integer = onnx->is_integer[node->inputs[0]];
	uint32_t made = onnx_emit_reshape(onnx, node, node->inputs[0], rank, dims);

	if (made != GRAPH_NONE)
		onnx->is_integer[made] = is_integer;
	return onnx_output(onnx, node, 0, made);
}

// 0 keeps the input's dimension, one -1 takes what is left.
int onnx_import_reshape(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[GRAPH_RANK_MAX], allow_zero, known = 1, elements = tensor_elements(x);
	const int64_t *wanted;
	uint32_t rank, open = GRAPH_NONE;
	int rc = onnx_input_ints(onnx, node, 1, &rank, &wanted);

	if (rc != 0 || onnx_int(onnx, node, "allowzero", 0, &allow_zero))
		return rc ? rc : -EINVAL;
	for (uint32_t d = 0; d < rank; d++) {
		dims[d] = wanted[d] == 0 && !allow_zero && d < x->rank ? x->dims[d] : wanted[d];
		if (dims[d] == -1 && open == GRAPH_NONE) {
			open = d;
			continue;
		}
		if (dims[d] < 1 || dims[d] > GRAPH_ELEMENTS_MAX ||
			known > GRAPH_ELEMENTS_MAX / dims[d])
			return onnx_refuse(onnx, node, -EINVAL,
				"dimension %u of the new shape is %lld", d, (long long)wanted[d]);
		known *= dims[d];
	}
	if (open != GRAPH_NONE) {
		dims[open] = elements / known;
		known *= dims[open];
	}
	if (known != elements)
		return onnx_refuse(onnx, node, -EINVAL,
			"the new shape holds %lld values, the input has %lld (a batch size other "
			"than 1 in "
			"the shape? use -1)",
			(long long)known, (long long)elements);
	return reshape_to(onnx, node, rank, dims);
}

int onnx_import_flatten(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[2] = { 1, 1 }, axis;

	if (onnx_int(onnx, node, "axis", 1, &axis))
		return -EINVAL;
	if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank)
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)axis, x->rank);
	if (axis < 0)
		axis += x->rank;
	for (uint32_t d = 0; d < x->rank; d++)
		dims[d >= axis] *= x->dims[d];
	return reshape_to(onnx, node, 2, dims);
}

// Axes are an attribute before opset 13, an input since. A bit for each of `rank` dimensions.
static int read_axes(
	struct onnx *onnx, const struct onnx_node *node, uint32_t rank, bool *given, uint32_t *mask)
{
	const Onnx__AttributeProto *attr;
	const int64_t *axes = NULL;
	uint32_t count = 0;

	*mask = 0;
	*given = true;
	if (node->n_inputs == 2 && node->inputs[1] != GRAPH_NONE) {
		int rc = onnx_input_ints(onnx, node, 1, &count, &axes);

		if (rc != 0)
			return rc;
	} else {
		if (onnx_attr(onnx, node, "axes", ATTRIBUTE(INTS), &attr))
			return -EINVAL;
		*given = attr != NULL;
		axes = attr ? attr->ints : NULL;
		count = attr && attr->n_ints <= GRAPH_RANK_MAX ? (uint32_t)attr->n_ints : 0;
		if (attr && attr->n_ints > GRAPH_RANK_MAX)
			return onnx_refuse(onnx, node, -EINVAL,
				"%zu axes, at most %d are supported", attr->n_ints, GRAPH_RANK_MAX);
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];

		if (axis < 0 || axis >= (int64_t)rank || (*mask >> axis & 1))
			return onnx_refuse(onnx, node, -EINVAL,
				"axis %lld is not one of %u, or there twice", (long long)axes[i],
				rank);
		*mask |= 1u << axis;
	}
	return 0;
}

int onnx_import_squeeze(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t rank = 0, mask;
	bool given;
	int rc = read_axes(onnx, node, x->rank, &given, &mask);

	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < x->rank; d++) {
		if (given && (mask >> d & 1) && x->dims[d] != 1)
			return onnx_refuse(onnx, node, -EINVAL,
				"dimension %u is %lld and cannot be left out", d,
				(long long)x->dims[d]);
		if (given ? !(mask >> d & 1) : x->dims[d] != 1)
			dims[rank++] = x->dims[d];
	}
	return reshape_to(onnx, node, rank, dims);
}

int onnx_import_unsqueeze(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t added = 0, from = 0, mask, rank;
	bool given;
	int rc;

	if (node->n_inputs == 2 && node->inputs[1] != GRAPH_NONE) {
		added = (uint32_t)tensor_elements(&onnx->graph->tensors[node->inputs[1]]);
	} else {
		const Onnx__AttributeProto *attr;

		if (onnx_attr(onnx, node, "axes", ATTRIBUTE(INTS), &attr))
			return -EINVAL;
		added = attr && attr->n_ints < 64 ? (uint32_t)attr->n_ints : 64;
	}
	rank = x->rank + added;
	if (added > GRAPH_RANK_MAX || rank > GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"no axes, or more than %d dimensions in the end", GRAPH_RANK_MAX);
	rc = read_axes(onnx, node, rank, &given, &mask);
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < rank; d++)
		dims[d] = mask >> d & 1 ? 1 : x->dims[from++];
	return reshape_to(onnx, node, rank, dims);
}

// A list or one value as a constant. Integers when `ints` is given.
static int list_constant(struct onnx *onnx, const struct onnx_node *node, uint32_t rank,
	size_t count, const int64_t *ints, const float *floats)
{
	int64_t dim = (int64_t)count;
	const void *values = ints ? (const void *)ints : floats;
	uint32_t tensor;
	void *data;

	if (count > GRAPH_ELEMENTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "too many values");
	tensor = onnx_constant(
		onnx, node->proto->output[0], ints ? DTYPE_I64 : DTYPE_F32, rank, &dim, &data);
	if (tensor == GRAPH_NONE)
		return -ENOMEM;
	if (count > 0 && values)
		memcpy(data, values, count * (ints ? 8 : 4));
	return onnx_output(onnx, node, 0, tensor);
}

int onnx_import_constant(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *attr;
	const char *name;
	uint32_t tensor;
	int rc;

	if (node->proto->n_attribute != 1 || !node->proto->attribute[0]->name)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu attributes, should have one value",
			node->proto->n_attribute);
	name = node->proto->attribute[0]->name;
	if (strcmp(name, "value") == 0) {
		if (onnx_attr(onnx, node, name, ATTRIBUTE(TENSOR), &attr))
			return -EINVAL;
		rc = onnx_tensor(onnx, attr->t, node->name, "constant", &tensor);
		return rc ? rc : onnx_output(onnx, node, 0, tensor);
	}
	if (strcmp(name, "value_float") == 0) {
		rc = onnx_attr(onnx, node, name, ATTRIBUTE(FLOAT), &attr);
		return rc ? rc : list_constant(onnx, node, 0, 1, NULL, &attr->f);
	}
	if (strcmp(name, "value_floats") == 0) {
		rc = onnx_attr(onnx, node, name, ATTRIBUTE(FLOATS), &attr);
		return rc ? rc : list_constant(onnx, node, 1, attr->n_floats, NULL, attr->floats);
	}
	if (strcmp(name, "value_int") == 0) {
		rc = onnx_attr(onnx, node, name, ATTRIBUTE(INT), &attr);
		return rc ? rc : list_constant(onnx, node, 0, 1, &attr->i, NULL);
	}
	if (strcmp(name, "value_ints") == 0) {
		static const int64_t NONE = 0; // an empty list may come without memory

		rc = onnx_attr(onnx, node, name, ATTRIBUTE(INTS), &attr);
		return rc ? rc
			  : list_constant(onnx, node, 1, attr->n_ints,
				    attr->n_ints ? attr->ints : &NONE, NULL);
	}
	return onnx_refuse(
		onnx, node, -ENOTSUP, "'%.40s' is not a form of constant that is supported", name);
}

static uint32_t constant_as_ints(struct onnx *onnx, const struct onnx_node *node, uint32_t index)
{
	struct tensor from = onnx->graph->tensors[index];
	const float *floats = from.data;
	uint32_t made;
	void *data;

	if (from.dtype == DTYPE_I64)
		return onnx_reshaped(onnx, index, from.name, from.rank, from.dims);
	made = onnx_constant(onnx, node->name, DTYPE_I64, from.rank, from.dims, &data);
	for (int64_t i = 0; made != GRAPH_NONE && i < tensor_elements(&from); i++) {
		if (!(fabsf(floats[i]) < 9e18f)) {
			onnx_refuse(
				onnx, node, -EINVAL, "%g has no whole number", (double)floats[i]);
			return GRAPH_NONE;
		}
		((int64_t *)data)[i] = (int64_t)floats[i];
	}
	return made;
}

// Everything is computed in float32: casts between float types do nothing, constants are converted.
int onnx_import_cast(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t in = node->inputs[0], made;
	bool whole;
	int64_t to;

	if (onnx_int(onnx, node, "to", 0, &to))
		return -EINVAL;
	whole = to == ELEMENT(INT64) || to == ELEMENT(INT32);
	if (to != ELEMENT(FLOAT) && to != ELEMENT(DOUBLE) && !whole)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"casts to type %lld; casts to float, double, int32 and int64 are supported",
			(long long)to);
	if (onnx->graph->tensors[in].data) {
		made = whole ? constant_as_ints(onnx, node, in) : onnx_as_float(onnx, in);
		if (made == in)
			made = onnx_reshaped(onnx, in, node->name, onnx->graph->tensors[in].rank,
				onnx->graph->tensors[in].dims);
		return onnx_output(onnx, node, 0, made);
	}
	if (whole && !onnx->is_integer[in])
		return onnx_refuse(onnx, node, -ENOTSUP,
			"cuts computed values to whole numbers, which only constants may be");
	made = onnx_emit(onnx, node, OP_IDENTITY, 1, &in, 0, NULL);
	if (made != GRAPH_NONE)
		onnx->is_integer[made] = whole;
	return onnx_output(onnx, node, 0, made);
}
