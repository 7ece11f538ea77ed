// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/fixed.h"
#include "infer/import/onnx/tensor.h"

#include <string.h>

void onnx_fixed_dims(const struct onnx *onnx, uint32_t rank, int64_t *dims)
{
	for (uint32_t d = 0; d < rank && onnx->fixed_batch > 1; d++) {
		if (dims[d] == onnx->fixed_batch) {
			dims[d] = onnx_rows(onnx);
			return;
		}
	}
}

void onnx_fixed_reshape(const struct onnx *onnx, int64_t elements, uint32_t rank, int64_t *dims)
{
	const int64_t n = onnx->fixed_batch, rows = onnx_rows(onnx);
	int64_t known = 1;
	bool open = false;

	if (n <= 1)
		return;
	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] > GRAPH_ELEMENTS_MAX || known > GRAPH_ELEMENTS_MAX)
			return; // no shape: whoever reads it refuses it
		open |= dims[d] <= 0;
		known *= dims[d] > 0 ? dims[d] : 1;
	}
	if (open || known == elements) {
		if (open && rank > 0 && dims[0] == n)
			dims[0] = rows;
		else if (open && elements % known != 0)
			onnx_fixed_dims(onnx, rank, dims);
		return;
	}
	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] % n == 0 && known / n * rows == elements) {
			dims[d] = dims[d] / n * rows;
			return;
		}
	}
}

// Are all `n` slices along `axis` the same?
static bool fixed_is_even(const struct tensor *x, uint32_t axis, size_t inner)
{
	const size_t n = (size_t)x->dims[axis], outer = (size_t)tensor_elements(x) / n / inner;
	const size_t bytes = inner * dtype_bytes(x->dtype);
	const char *at = x->data;

	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 1; i < n; i++) {
			if (memcmp(at + o * n * bytes, at + (o * n + i) * bytes, bytes) != 0)
				return false;
		}
	}
	return true;
}

uint32_t onnx_fixed_constant(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor)
{
	const struct tensor x = onnx->graph->tensors[tensor];
	const size_t rows = onnx_rows(onnx);
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t axis = 0, made;
	size_t inner = 1, bytes;
	void *data;

	if (onnx->fixed_batch <= 1 || !x.data || x.rank < 2 || tensor_elements(&x) == 0)
		return tensor;
	if (x.dims[0] != onnx->fixed_batch || node->op == OP_LSTM || node->op == OP_GRU ||
		node->op == OP_RNN)
		axis = 1; // behind a recurrent layer's directions, or time
	for (uint32_t d = axis + 1; d < x.rank; d++)
		inner *= (size_t)x.dims[d];
	if (x.dims[axis] != onnx->fixed_batch || (axis == 1 && x.rank < 3) ||
		!fixed_is_even(&x, axis, inner))
		return tensor;
	memcpy(dims, x.dims, sizeof(dims));
	dims[axis] = (int64_t)rows;
	made = onnx_made(onnx, node, x.dtype, x.rank, dims, &data);
	bytes = inner * dtype_bytes(x.dtype);
	for (size_t i = 0; made != GRAPH_NONE && i < (axis ? (size_t)x.dims[0] : 1) * rows; i++)
		memcpy((char *)data + i * bytes,
			(const char *)x.data + i / rows * (size_t)x.dims[axis] * bytes, bytes);
	return made;
}
