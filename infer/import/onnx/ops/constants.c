// SPDX-License-Identifier: BSD-3-Clause
// Constants: those that the file gives, and what the shapes alone decide, every shape being static.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/fixed.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/texts.h"
#include "infer/ops/values.h"

#include <math.h>
#include <string.h>

// A few bytes of a file may ask for any size.
#define MADE_ELEMENTS_MAX ((int64_t)1 << 24)

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
		return onnx_refused(onnx);
	if (count > 0 && values)
		memcpy(data, values, count * (ints ? 8 : 4));
	return onnx_output(onnx, node, 0, tensor);
}

static int import_constant(struct onnx *onnx, const struct onnx_node *node)
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
		if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(TENSOR), &attr))
			return onnx_refused(onnx);
		rc = onnx_tensor_or_text(onnx, attr->t, node->name, "constant", &tensor);
		return rc != 0 ? rc : onnx_output(onnx, node, 0, tensor);
	}
	if (strcmp(name, "sparse_value") == 0) {
		if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(SPARSE_TENSOR), &attr))
			return onnx_refused(onnx);
		rc = onnx_sparse_tensor(onnx, attr->sparse_tensor, node->name, &tensor);
		return rc != 0 ? rc : onnx_output(onnx, node, 0, tensor);
	}
	if (strcmp(name, "value_float") == 0) {
		rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(FLOAT), &attr);
		return rc != 0 ? rc : list_constant(onnx, node, 0, 1, NULL, &attr->f);
	}
	if (strcmp(name, "value_floats") == 0) {
		rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(FLOATS), &attr);
		return rc != 0 ? rc
			       : list_constant(onnx, node, 1, attr->n_floats, NULL, attr->floats);
	}
	if (strcmp(name, "value_int") == 0) {
		rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(INT), &attr);
		return rc != 0 ? rc : list_constant(onnx, node, 0, 1, &attr->i, NULL);
	}
	if (strcmp(name, "value_ints") == 0) {
		static const int64_t NONE = 0; // an empty list may come without memory

		rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(INTS), &attr);
		return rc != 0 ? rc
			       : list_constant(onnx, node, 1, attr->n_ints,
					 attr->n_ints ? attr->ints : &NONE, NULL);
	}
	if (strcmp(name, "value_strings") == 0) {
		if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(STRINGS), &attr))
			return onnx_refused(onnx);
		return onnx_output(
			onnx, node, 0, onnx_text_list(onnx, node, attr->strings, attr->n_strings));
	}
	if (strcmp(name, "value_string") == 0) {
		if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(STRING), &attr))
			return onnx_refused(onnx);
		tensor = onnx_text_list(onnx, node, &attr->s, 1);
		if (tensor != GRAPH_NONE)
			tensor = onnx_reshaped(onnx, tensor, node->name, 0, NULL);
		if (tensor == GRAPH_NONE || onnx_mark_text(onnx, tensor) != 0)
			return onnx_refused(onnx);
		return onnx_output(onnx, node, 0, tensor);
	}
	return onnx_refuse(
		onnx, node, -ENOTSUP, "'%.40s' is not a form of constant that is supported", name);
}

static int too_large(struct onnx *onnx, const struct onnx_node *node, double elements)
{
	return onnx_refuse(onnx, node, -ENOTSUP,
		"makes %.0f values of nothing, at most %lld are supported", elements,
		(long long)MADE_ELEMENTS_MAX);
}

static uint32_t made(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype,
	uint32_t rank, const int64_t *dims, void **data)
{
	int64_t elements = 1;

	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] < 0 || (dims[d] > 0 && elements > MADE_ELEMENTS_MAX / dims[d])) {
			too_large(onnx, node, (double)elements * (double)dims[d]);
			return GRAPH_NONE;
		}
		elements *= dims[d];
	}
	return onnx_made(onnx, node, dtype, rank, dims, data);
}

static int64_t clamp(int64_t value, int64_t rank)
{
	value += value < 0 ? rank : 0;
	return value < 0 ? 0 : value > rank ? rank : value;
}

// Dimensions `start` to `end`, from opset 15 on; before that, all.
static int import_shape(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t start, end, count;
	uint32_t tensor;
	void *data;

	if (onnx_int(onnx, node, "start", 0, &start) || onnx_int(onnx, node, "end", x.rank, &end))
		return onnx_refused(onnx);
	start = clamp(start, x.rank);
	end = clamp(end, x.rank);
	count = end > start ? end - start : 0;
	tensor = made(onnx, node, DTYPE_I64, 1, &count, &data);
	for (int64_t i = 0; tensor != GRAPH_NONE && i < count; i++)
		((int64_t *)data)[i] = x.dims[start + i];
	return onnx_output(onnx, node, 0, tensor);
}

static int import_size(struct onnx *onnx, const struct onnx_node *node)
{
	void *data;
	uint32_t tensor = made(onnx, node, DTYPE_I64, 0, NULL, &data);

	if (tensor != GRAPH_NONE)
		*(int64_t *)data = tensor_elements(onnx_input(onnx, node, 0));
	return onnx_output(onnx, node, 0, tensor);
}

static int import_constant_of_shape(struct onnx *onnx, const struct onnx_node *node)
{
	struct tensor value = { .dtype = DTYPE_F32 };
	int64_t declared[GRAPH_RANK_MAX];
	const Onnx__AttributeProto *attr;
	uint32_t rank = 0, tensor;
	const int64_t *dims = declared;
	void *data;
	int rc = 0;

	if (onnx_input(onnx, node, 0)->data ||
		!onnx_declared_shape(onnx, node->proto->output[0], &rank, declared))
		rc = onnx_input_ints(onnx, node, 0, &rank, &dims);
	if (rc == 0)
		rc = onnx_attr(onnx, node, "value", ONNX_ATTRIBUTE(TENSOR), &attr);
	if (rc == 0 && attr) {
		rc = onnx_tensor(onnx, attr->t, node->name, "attribute 'value'", &tensor);
		if (rc == 0)
			value = onnx->graph->tensors[tensor];
	}
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < rank; d++)
		declared[d] = dims[d];
	onnx_fixed_dims(onnx, rank, declared);
	dims = declared;
	if (value.data && tensor_elements(&value) != 1)
		return onnx_refuse(onnx, node, -EINVAL, "attribute 'value' should be one value");
	tensor = made(onnx, node, value.dtype, rank, dims, &data);
	for (int64_t i = 0; tensor != GRAPH_NONE && value.data &&
		i < tensor_elements(&onnx->graph->tensors[tensor]);
		i++)
		memcpy((char *)data + (size_t)i * dtype_bytes(value.dtype), value.data,
			dtype_bytes(value.dtype));
	return onnx_output(onnx, node, 0, tensor);
}

// What is computed: as many as the file declares, start + i * delta.
static int range_as_declared(struct onnx *onnx, const struct onnx_node *node)
{
	enum dtype dtype = onnx_input(onnx, node, 0)->dtype;
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t rank, steps, in[3];
	void *data;

	if (!onnx_declared_shape(onnx, node->proto->output[0], &rank, dims) || rank != 1)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"start, limit or delta is computed, so that the length depends on values; "
			"they must be constant, or the file must declare the length");
	for (uint32_t i = 0; i < 3; i++) {
		if (tensor_elements(onnx_input(onnx, node, i)) != 1)
			return onnx_refuse(onnx, node, -EINVAL, "input %u should be one value", i);
		in[i] = onnx_emit_reshape(onnx, node, node->inputs[i], 0, NULL);
	}
	steps = made(onnx, node, dtype, 1, dims, &data);
	for (int64_t i = 0; steps != GRAPH_NONE && i < dims[0]; i++)
		value_set_number(dtype, data, (size_t)i, (double)i);
	steps = onnx_emit_pair(onnx, node, OP_MUL, steps, in[2]);
	return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, OP_ADD, steps, in[0]));
}

// start, start + delta, ... before limit.
static int import_range(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *in[3];
	enum dtype dtype = onnx_input(onnx, node, 0)->dtype;
	int64_t count = 0;
	uint32_t tensor;
	double number[3], n;
	void *data;

	for (uint32_t i = 0; i < 3; i++) {
		in[i] = onnx_input(onnx, node, i);
		if (!in[i]->data)
			return range_as_declared(onnx, node);
		if (tensor_elements(in[i]) != 1 || in[i]->dtype != dtype)
			return onnx_refuse(onnx, node, -EINVAL,
				"input %u ('%.80s') should be one value of start's type", i,
				in[i]->name);
		number[i] = value_number(dtype, in[i]->data, 0);
	}
	n = ceil((number[1] - number[0]) / number[2]);
	if (isnan(n) || n > (double)MADE_ELEMENTS_MAX)
		return too_large(onnx, node, n);
	count = n > 0 ? (int64_t)n : 0;
	tensor = made(onnx, node, dtype, 1, &count, &data);
	for (int64_t i = 0; tensor != GRAPH_NONE && i < count; i++)
		value_set_number(dtype, data, (size_t)i, number[0] + (double)i * number[2]);
	return onnx_output(onnx, node, 0, tensor);
}

// Ones on the k-th diagonal.
static int import_eye_like(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	enum dtype dtype = x.dtype;
	int64_t type, k;
	uint32_t tensor;
	void *data;

	if (onnx_int(onnx, node, "dtype", 0, &type) || onnx_int(onnx, node, "k", 0, &k))
		return onnx_refused(onnx);
	if (type != 0 && !onnx_dtype(type, &dtype))
		return onnx_refuse(
			onnx, node, -ENOTSUP, "dtype %s is not supported", onnx_type_name(type));
	if (x.rank != 2)
		return onnx_refuse(
			onnx, node, -EINVAL, "the input has %u dimensions, should have 2", x.rank);
	tensor = made(onnx, node, dtype, 2, x.dims, &data);
	for (int64_t r = 0; tensor != GRAPH_NONE && r < x.dims[0]; r++) {
		// k is any number of the file's: compare, do not add
		if (k >= -r && k < x.dims[1] - r)
			value_set_number(dtype, data, (size_t)(r * x.dims[1] + r + k), 1);
	}
	return onnx_output(onnx, node, 0, tensor);
}

// Where a constant is not 0: [rank, how many], in row-major order. Of what is computed, how many
// depends on values.
static int import_non_zero(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t strides[GRAPH_RANK_MAX], found = 0;
	uint32_t tensor;
	void *data;

	if (!x.data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 0 ('%.80s') is computed, so that the output's length depends on "
			"values; it must be constant",
			x.name);
	for (int64_t i = 0; i < tensor_elements(&x); i++)
		found += value_number(x.dtype, x.data, (size_t)i) != 0;
	const int64_t dims[2] = { x.rank, found };
	tensor = made(onnx, node, DTYPE_I64, 2, dims, &data);
	tensor_strides(&x, strides);
	for (int64_t i = 0, n = 0; tensor != GRAPH_NONE && i < tensor_elements(&x); i++) {
		if (value_number(x.dtype, x.data, (size_t)i) == 0)
			continue;
		for (uint32_t d = 0; d < x.rank; d++)
			((int64_t *)data)[d * found + n] = i / strides[d] % x.dims[d];
		n++;
	}
	return onnx_output(onnx, node, 0, tensor);
}

const struct onnx_operator ONNX_CONSTANTS[] = {
	{ "NonZero", 1, 1, .import = import_non_zero },
	{ "Constant", 0, 0, .import = import_constant },
	{ "Shape", 1, 1, .import = import_shape },
	{ "Size", 1, 1, .import = import_size },
	{ "ConstantOfShape", 1, 1, .import = import_constant_of_shape },
	{ "Range", 3, 3, .import = import_range },
	{ "EyeLike", 1, 1, .import = import_eye_like },
	{ .type = NULL },
};
