// SPDX-License-Identifier: BSD-3-Clause
// Operators whose result the shapes alone decide: with every shape static, they are constants.
#include "infer/import/onnx/onnx.h"
#include "infer/ops/values.h"

#include <math.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name
// A few bytes of a file may ask for any size.
#define MADE_ELEMENTS_MAX ((int64_t)1 << 24)

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
int onnx_import_shape(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t start, end, count;
	uint32_t tensor;
	void *data;

	if (onnx_int(onnx, node, "start", 0, &start) || onnx_int(onnx, node, "end", x.rank, &end))
		return -EINVAL;
	start = clamp(start, x.rank);
	end = clamp(end, x.rank);
	count = end > start ? end - start : 0;
	tensor = made(onnx, node, DTYPE_I64, 1, &count, &data);
	for (int64_t i = 0; tensor != GRAPH_NONE && i < count; i++)
		((int64_t *)data)[i] = x.dims[start + i];
	return onnx_output(onnx, node, 0, tensor);
}

int onnx_import_size(struct onnx *onnx, const struct onnx_node *node)
{
	void *data;
	uint32_t tensor = made(onnx, node, DTYPE_I64, 0, NULL, &data);

	if (tensor != GRAPH_NONE)
		*(int64_t *)data = tensor_elements(onnx_input(onnx, node, 0));
	return onnx_output(onnx, node, 0, tensor);
}

int onnx_import_constant_of_shape(struct onnx *onnx, const struct onnx_node *node)
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
		rc = onnx_attr(onnx, node, "value", ATTRIBUTE(TENSOR), &attr);
	if (rc == 0 && attr) {
		rc = onnx_tensor(onnx, attr->t, node->name, "attribute 'value'", &tensor);
		if (rc == 0)
			value = onnx->graph->tensors[tensor];
	}
	if (rc != 0)
		return rc;
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
			"start, limit or delta is computed; they decide the shape and must be "
			"constant, or the file must declare the output's shape");
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
int onnx_import_range(struct onnx *onnx, const struct onnx_node *node)
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
int onnx_import_eye_like(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	enum dtype dtype = x.dtype;
	int64_t type, k;
	uint32_t tensor;
	void *data;

	if (onnx_int(onnx, node, "dtype", 0, &type) || onnx_int(onnx, node, "k", 0, &k))
		return -EINVAL;
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
