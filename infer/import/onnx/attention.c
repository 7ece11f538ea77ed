// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/attention.h"
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <float.h>
#include <math.h>

#define WINDOW_ELEMENTS_MAX ((int64_t)1 << 24)

static const int64_t HEADS_FIRST[] = { 0, 2, 1, 3 };

// x [N, heads, S, size] as [N, groups, heads / groups, S, size].
static uint32_t attention_group(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, int64_t groups)
{
	const struct tensor t = onnx->graph->tensors[x];
	const int64_t dims[5] = { t.dims[0], groups, t.dims[1] / groups, t.dims[2], t.dims[3] };

	return onnx_emit_reshape(onnx, node, x, 5, dims);
}

// a [N, heads, ...] times b [N, fewer heads, ...], each of which serves as many of a's.
static uint32_t attention_product(
	struct onnx *onnx, const struct onnx_node *node, uint32_t a, uint32_t b)
{
	int64_t heads, groups, dims[4];
	const struct tensor *made;
	uint32_t product;

	if (a == GRAPH_NONE || b == GRAPH_NONE)
		return GRAPH_NONE;
	heads = onnx->graph->tensors[a].dims[1];
	groups = onnx->graph->tensors[b].dims[1];
	if (heads == groups)
		return onnx_emit_pair(onnx, node, OP_MATMUL, a, b);
	product = onnx_emit_pair(onnx, node, OP_MATMUL, attention_group(onnx, node, a, groups),
		attention_group(onnx, node, b, groups));
	if (product == GRAPH_NONE)
		return GRAPH_NONE;
	made = &onnx->graph->tensors[product];
	dims[0] = made->dims[0];
	dims[1] = heads;
	dims[2] = made->dims[3];
	dims[3] = made->dims[4];
	return onnx_emit_reshape(onnx, node, product, 4, dims);
}

static int attention_check(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_attention *a)
{
	const uint32_t inputs[3] = { a->q, a->k, a->v };
	const struct tensor *q, *k, *v;

	for (uint32_t i = 0; i < 3; i++) {
		if (inputs[i] == GRAPH_NONE)
			return onnx_refused(onnx);
		if (onnx->graph->tensors[inputs[i]].rank != 4)
			return onnx_refuse(
				onnx, node, -EINVAL, "input %u should have 3 or 4 dimensions", i);
	}
	q = &onnx->graph->tensors[a->q];
	k = &onnx->graph->tensors[a->k];
	v = &onnx->graph->tensors[a->v];
	if (k->dims[1] < 1 || q->dims[1] % k->dims[1] != 0 || v->dims[1] != k->dims[1] ||
		q->dims[3] != k->dims[3] || v->dims[2] != k->dims[2])
		return onnx_refuse(onnx, node, -EINVAL,
			"queries %s, keys %s and values %s [N, heads, length, size] do not fit "
			"each other",
			tensor_shape_text(q).text, tensor_shape_text(k).text,
			tensor_shape_text(v).text);
	return 0;
}

// softcap * tanh(x / softcap)
static uint32_t attention_cap(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, float softcap)
{
	if (softcap == 0)
		return x;
	x = onnx_emit_one(onnx, node, OP_TANH, onnx_emit_with(onnx, node, OP_DIV, x, softcap));
	return onnx_emit_with(onnx, node, OP_MUL, x, softcap);
}

// A row of which nothing may be seen is 0, where softmax would make NaN of it.
static uint32_t attention_probabilities(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_attention *a)
{
	const struct attr attr = ONNX_INT(ATTR_AXIS, -1);
	uint32_t x = a->stages[ATTENTION_BIASED], seen;

	if (!a->may_hide)
		return onnx_emit(onnx, node, OP_SOFTMAX, 1, &x, 1, &attr);
	x = onnx_emit_with(onnx, node, OP_MAX, x, -FLT_MAX);
	seen = onnx_emit_with(onnx, node, OP_GREATER, a->bias, -INFINITY);
	return onnx_emit_pair(onnx, node, OP_MUL,
		onnx_emit(onnx, node, OP_SOFTMAX, 1, &x, 1, &attr),
		onnx_as(onnx, node, seen, DTYPE_F32));
}

// Is there a row of a constant bias with nothing but -infinity?
static bool attention_hides(const struct tensor *bias)
{
	const float *values = bias->data;
	const int64_t columns = bias->rank ? bias->dims[bias->rank - 1] : 1;
	const int64_t elements = tensor_elements(bias);

	if (!values)
		return true;
	for (int64_t row = 0; row < elements; row += columns) {
		int64_t c = 0;

		while (c < columns && isinf(values[row + c]) && values[row + c] < 0)
			c++;
		if (c == columns)
			return true;
	}
	return false;
}

uint32_t onnx_attention(struct onnx *onnx, const struct onnx_node *node, struct onnx_attention *a)
{
	static const int64_t TURNED[] = { 0, 1, 3, 2 };
	uint32_t *stages = a->stages;
	int64_t elements;

	if (attention_check(onnx, node, a) != 0)
		return GRAPH_NONE;
	stages[ATTENTION_PRODUCT] =
		attention_product(onnx, node, onnx_emit_with(onnx, node, OP_MUL, a->q, a->scale),
			onnx_emit_transpose(onnx, node, a->k, TURNED));
	stages[ATTENTION_CAPPED] = attention_cap(onnx, node, stages[ATTENTION_PRODUCT], a->softcap);
	stages[ATTENTION_BIASED] = stages[ATTENTION_CAPPED];
	if (stages[ATTENTION_CAPPED] == GRAPH_NONE)
		return GRAPH_NONE;
	if (a->bias != GRAPH_NONE) {
		elements = tensor_elements(&onnx->graph->tensors[stages[ATTENTION_CAPPED]]);
		a->may_hide = a->may_hide && attention_hides(&onnx->graph->tensors[a->bias]);
		stages[ATTENTION_BIASED] =
			onnx_emit_pair(onnx, node, OP_ADD, stages[ATTENTION_CAPPED], a->bias);
		if (stages[ATTENTION_BIASED] == GRAPH_NONE)
			return GRAPH_NONE;
		if (tensor_elements(&onnx->graph->tensors[stages[ATTENTION_BIASED]]) != elements) {
			onnx_refuse(onnx, node, -EINVAL,
				"the mask %s does not broadcast to the products %s",
				tensor_shape_text(&onnx->graph->tensors[a->bias]).text,
				tensor_shape_text(&onnx->graph->tensors[stages[ATTENTION_CAPPED]])
					.text);
			return GRAPH_NONE;
		}
	} else {
		a->may_hide = false;
	}
	stages[ATTENTION_PROBABILITIES] = attention_probabilities(onnx, node, a);
	return attention_product(onnx, node, stages[ATTENTION_PROBABILITIES], a->v);
}

uint32_t onnx_attention_split(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, int64_t heads)
{
	const struct tensor *t;

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	t = &onnx->graph->tensors[x];
	if (t->rank != 3 || heads < 1 || t->dims[2] % heads != 0) {
		onnx_refuse(onnx, node, -EINVAL,
			"%s [N, length, heads * size] are not of %lld heads",
			tensor_shape_text(t).text, (long long)heads);
		return GRAPH_NONE;
	}
	const int64_t dims[4] = { t->dims[0], t->dims[1], heads, t->dims[2] / heads };

	return onnx_emit_transpose(
		onnx, node, onnx_emit_reshape(onnx, node, x, 4, dims), HEADS_FIRST);
}

uint32_t onnx_attention_join(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	int64_t dims[3];

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	dims[0] = onnx->graph->tensors[x].dims[0];
	dims[1] = onnx->graph->tensors[x].dims[2];
	dims[2] = onnx->graph->tensors[x].dims[1] * onnx->graph->tensors[x].dims[3];
	return onnx_emit_reshape(
		onnx, node, onnx_emit_transpose(onnx, node, x, HEADS_FIRST), 3, dims);
}

uint32_t onnx_attention_window(struct onnx *onnx, const struct onnx_node *node, int64_t rows,
	int64_t columns, int64_t offset, const int64_t reach[2])
{
	const int64_t dims[2] = { rows, columns };
	uint32_t made;
	void *data;

	if (rows * columns > WINDOW_ELEMENTS_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP, "%lld queries of %lld keys are more than %lld",
			(long long)rows, (long long)columns, (long long)WINDOW_ELEMENTS_MAX);
		return GRAPH_NONE;
	}
	made = onnx_made(onnx, node, DTYPE_F32, 2, dims, &data);
	for (int64_t i = 0; made != GRAPH_NONE && i < rows * columns; i++) {
		const int64_t ahead = i % columns - (i / columns + offset);

		if ((reach[0] >= 0 && -ahead > reach[0]) || (reach[1] >= 0 && ahead > reach[1]))
			((float *)data)[i] = -INFINITY;
	}
	return made;
}

// The pairs of values that rotate together, real and imaginary, as they lie in x.
static uint32_t rotate_join(struct onnx *onnx, const struct onnx_node *node, uint32_t real,
	uint32_t imaginary, bool interleaved)
{
	struct tensor t;

	if (real == GRAPH_NONE || imaginary == GRAPH_NONE)
		return GRAPH_NONE;
	if (!interleaved)
		return onnx_emit_concat(onnx, node, real, imaginary, 3);
	t = onnx->graph->tensors[real];
	const int64_t apart[5] = { t.dims[0], t.dims[1], t.dims[2], t.dims[3], 1 };
	const int64_t together[4] = { t.dims[0], t.dims[1], t.dims[2], 2 * t.dims[3] };

	return onnx_emit_reshape(onnx, node,
		onnx_emit_concat(onnx, node, onnx_emit_reshape(onnx, node, real, 5, apart),
			onnx_emit_reshape(onnx, node, imaginary, 5, apart), 4),
		4, together);
}

uint32_t onnx_rotate(struct onnx *onnx, const struct onnx_node *node, uint32_t x, int64_t dim,
	const uint32_t cos_sin[2], bool interleaved)
{
	const int64_t size = onnx->graph->tensors[x].dims[3], half = dim / 2;
	uint32_t parts[2], turned[2];

	for (uint32_t p = 0; p < 2; p++) {
		parts[p] = onnx_emit_part(
			onnx, node, x, 3, interleaved ? p : p * half, half, interleaved ? 2 : 1);
		if (parts[p] == GRAPH_NONE || cos_sin[p] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	for (uint32_t p = 0; p < 2; p++)
		turned[p] = onnx_emit_pair(onnx, node, p ? OP_ADD : OP_SUB,
			onnx_emit_pair(onnx, node, OP_MUL, cos_sin[p], parts[0]),
			onnx_emit_pair(onnx, node, OP_MUL, cos_sin[!p], parts[1]));
	turned[0] = rotate_join(onnx, node, turned[0], turned[1], interleaved);
	if (dim == size)
		return turned[0];
	return onnx_emit_concat(
		onnx, node, turned[0], onnx_emit_part(onnx, node, x, 3, dim, size - dim, 1), 3);
}

// cos or sin of each position as [N, S, 1, dim / 2].
static uint32_t rotary_cache(struct onnx *onnx, const struct onnx_node *node, uint32_t cache,
	uint32_t positions, int64_t length, int64_t half)
{
	const struct attr attr = ONNX_INT(ATTR_AXIS, 0);
	const struct tensor *t;
	int64_t dims[4] = { 1, length, 1, half };

	if (positions != GRAPH_NONE) {
		const uint32_t inputs[2] = { cache, positions };

		cache = onnx_emit(onnx, node, OP_GATHER, 2, inputs, 1, &attr);
	}
	if (cache == GRAPH_NONE)
		return GRAPH_NONE;
	t = &onnx->graph->tensors[cache];
	if (t->rank != 3 || t->dims[1] != length || t->dims[2] != half) {
		onnx_refuse(onnx, node, -EINVAL,
			"cosines and sines %s should be [N, %lld, %lld], or chosen by position ids",
			tensor_shape_text(t).text, (long long)length, (long long)half);
		return GRAPH_NONE;
	}
	dims[0] = t->dims[0];
	return onnx_emit_reshape(onnx, node, cache, 4, dims);
}

int onnx_import_rotary(struct onnx *onnx, const struct onnx_node *node, const uint32_t caches[2],
	uint32_t positions)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const struct tensor *cache = &onnx->graph->tensors[caches[0]];
	int64_t interleaved, heads, dim;
	uint32_t made = node->inputs[0], cos_sin[2];

	if (onnx_int(onnx, node, "interleaved", 0, &interleaved) ||
		onnx_int(onnx, node, "num_heads", 0, &heads) ||
		onnx_int(onnx, node, "rotary_embedding_dim", 0, &dim))
		return onnx_refused(onnx);
	if (x.rank == 3 && heads == 0 && dim == 0 && cache->rank > 1 &&
		cache->dims[cache->rank - 1] > 0) // then the caches tell
		heads = x.dims[2] / (2 * cache->dims[cache->rank - 1]);
	if (x.rank != 4 && (x.rank != 3 || heads < 1 || x.dims[2] % heads != 0))
		return onnx_refuse(onnx, node, -EINVAL,
			"the input %s should have 4 dimensions, or 3 that num_heads, %lld, divides",
			tensor_shape_text(&x).text, (long long)heads);
	if (x.rank == 4) {
		made = onnx_emit_transpose(onnx, node, made, HEADS_FIRST);
	} else {
		const int64_t dims[4] = { x.dims[0], x.dims[1], heads, x.dims[2] / heads };

		made = onnx_emit_reshape(onnx, node, made, 4, dims);
	}
	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	const int64_t length = onnx->graph->tensors[made].dims[1];
	const int64_t size = onnx->graph->tensors[made].dims[3];

	dim = dim ? dim : size;
	if (dim < 2 || dim > size || dim % 2 != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"%lld values of each head's %lld are to be rotated, in pairs",
			(long long)dim, (long long)size);
	for (uint32_t c = 0; c < 2; c++)
		cos_sin[c] = rotary_cache(onnx, node, caches[c], positions, length, dim / 2);
	made = onnx_rotate(onnx, node, made, dim, cos_sin, interleaved != 0);
	if (x.rank == 4)
		made = onnx_emit_transpose(onnx, node, made, HEADS_FIRST);
	else
		made = onnx_emit_reshape(onnx, node, made, 3, x.dims);
	return onnx_output(onnx, node, 0, made);
}
