// SPDX-License-Identifier: BSD-3-Clause
// What the shape rules share: checks of inputs and attributes, broadcasting, windows.
#include "infer/ops/rule.h"

#include "infer/graph/window.h"

#include <inttypes.h>
#include <string.h>

const struct tensor *shape_input(const struct inference *in, uint32_t i)
{
	if (i >= in->node->n_inputs || in->node->inputs[i] == GRAPH_NONE)
		return NULL;
	return &in->graph->tensors[in->node->inputs[i]];
}

int shape_refuse_pair(const struct inference *in, uint32_t a, uint32_t b, const char *rule)
{
	return shape_refuse(in, "inputs %s and %s: %s", tensor_shape_text(shape_input(in, a)).text,
		tensor_shape_text(shape_input(in, b)).text, rule);
}

int shape_need_f32(const struct inference *in)
{
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		const struct tensor *tensor = shape_input(in, i);

		if (tensor && tensor->dtype != DTYPE_F32)
			return shape_refuse(in, "input \"%s\" is %s, only float32 is computed",
				tensor->name, dtype_name(tensor->dtype));
	}
	return 0;
}

int shape_need_dtype(const struct inference *in, uint32_t i, enum dtype dtype)
{
	const struct tensor *tensor = shape_input(in, i);

	if (tensor && tensor->dtype != dtype)
		return shape_refuse(in, "input \"%s\" is %s, should be %s", tensor->name,
			dtype_name(tensor->dtype), dtype_name(dtype));
	return 0;
}

int shape_need_integers(const struct inference *in)
{
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		const struct tensor *tensor = shape_input(in, i);

		if (tensor && (dtype_is_float(tensor->dtype) || tensor->dtype == DTYPE_BOOL))
			return shape_refuse(in, "input \"%s\" is %s, should be of whole numbers",
				tensor->name, dtype_name(tensor->dtype));
	}
	return 0;
}

int shape_need_constant(const struct inference *in, uint32_t i)
{
	if (shape_input(in, i) && !shape_input(in, i)->data)
		return shape_refuse(in, "input \"%s\" must be constant", shape_input(in, i)->name);
	return 0;
}

int shape_need_byte(const struct inference *in, uint32_t i)
{
	const struct tensor *tensor = shape_input(in, i);

	if (tensor && tensor->dtype != DTYPE_I8 && tensor->dtype != DTYPE_U8)
		return shape_refuse(in, "input \"%s\" is %s, should be int8 or uint8", tensor->name,
			dtype_name(tensor->dtype));
	return 0;
}

// A vector of `count`, or left out.
int shape_need_vector(const struct inference *in, uint32_t i, int64_t count)
{
	const struct tensor *tensor = shape_input(in, i);

	if (tensor && (tensor->rank != 1 || tensor->dims[0] != count))
		return shape_refuse(in, "input \"%s\" is %s, should be [%" PRId64 "]", tensor->name,
			tensor_shape_text(tensor).text, count);
	return 0;
}

int shape_need_one_or(const struct inference *in, uint32_t i, int64_t count)
{
	const struct tensor *tensor = shape_input(in, i);

	if (!tensor || (tensor->rank <= 1 && tensor_elements(tensor) == 1))
		return 0;
	if (tensor->rank != 1 || tensor->dims[0] != count)
		return shape_refuse(in, "input \"%s\" is %s, should be one value or %" PRId64,
			tensor->name, tensor_shape_text(tensor).text, count);
	return 0;
}

int shape_need_int(
	const struct inference *in, enum attr_key key, int64_t otherwise, int64_t low, int64_t high)
{
	int64_t value = node_int(in->node, key, otherwise);

	if (value < low || value > high)
		return shape_refuse(in,
			"attribute \"%s\" is %" PRId64 ", should be %" PRId64 " to %" PRId64,
			attr_name(key), value, low, high);
	return 0;
}

int shape_need_axis(const struct inference *in, uint32_t rank, int64_t otherwise, uint32_t *axis)
{
	if (node_axis(in->node, rank, otherwise, axis) != 0)
		return shape_refuse(in,
			"axis %" PRId64 " is not one of the input's %" PRIu32 " dimensions",
			node_int(in->node, ATTR_AXIS, otherwise), rank);
	return 0;
}

void shape_copy(struct tensor *out, const struct tensor *from)
{
	out->dtype = from->dtype;
	out->rank = from->rank;
	memcpy(out->dims, from->dims, sizeof(out->dims));
}

// Input i must broadcast to `to` without widening it.
int shape_need_broadcast_to(const struct inference *in, uint32_t i, const struct tensor *to)
{
	const struct tensor *tensor = shape_input(in, i);
	struct tensor shape = { 0 };

	if (!tensor)
		return 0;
	if (dims_broadcast(&shape, to, tensor) != 0 || shape.rank != to->rank ||
		memcmp(shape.dims, to->dims, sizeof(shape.dims)) != 0)
		return shape_refuse(in, "input \"%s\" is %s, which does not broadcast to %s",
			tensor->name, tensor_shape_text(tensor).text, tensor_shape_text(to).text);
	return 0;
}

// numpy's matmul: vectors are promoted to matrices and the added dimension is taken off again.
int shape_product(const struct inference *in, uint32_t i, uint32_t j, struct tensor *out)
{
	const struct tensor *a = shape_input(in, i), *b = shape_input(in, j);
	struct tensor left = { 0 }, right = { 0 }, shape = { 0 };
	int64_t k_a, k_b;

	if (a->rank == 0 || b->rank == 0)
		return shape_refuse_pair(in, i, j, "a scalar cannot be multiplied as a matrix");
	k_a = a->dims[a->rank - 1];
	k_b = b->dims[b->rank == 1 ? 0 : b->rank - 2];
	if (k_a != k_b)
		return shape_refuse_pair(in, i, j, "the inner dimensions must be equal");
	shape_copy(&left, a);
	shape_copy(&right, b);
	left.rank = a->rank > 2 ? a->rank - 2 : 0;
	right.rank = b->rank > 2 ? b->rank - 2 : 0;
	if (dims_broadcast(&shape, &left, &right) != 0)
		return shape_refuse_pair(
			in, i, j, "the leading dimensions do not broadcast to each other");
	if (a->rank > 1)
		shape.dims[shape.rank++] = a->dims[a->rank - 2];
	if (b->rank > 1)
		shape.dims[shape.rank++] = b->dims[b->rank - 1];
	shape.dtype = DTYPE_F32;
	shape_copy(out, &shape);
	return 0;
}

static void shape_set_spatial(struct tensor *out, const struct window *window)
{
	for (uint32_t d = 0; d < window->n; d++)
		out->dims[2 + d] = window->out[WINDOW_DIMS - window->n + d];
}

// The output channels are in the dimensions of the weights: [M, C / groups, ...] or, transposed,
// [C, M / groups, ...].
int shape_convolution(
	const struct inference *in, uint32_t i, uint32_t j, bool transposed, struct tensor *out)
{
	const struct tensor *x = shape_input(in, i), *w = shape_input(in, j);
	int64_t group = node_int(in->node, ATTR_GROUP, 1), channels;
	struct window window;

	if (shape_need_int(in, ATTR_GROUP, 1, 1, GRAPH_ELEMENTS_MAX) != 0 ||
		shape_need_int(in, ATTR_CEIL_MODE, 0, 0, 0) != 0)
		return -EINVAL;
	if (x->rank < 3 || w->rank != x->rank)
		return shape_refuse_pair(in, i, j, "both must have the same 3 to 5 dimensions");
	if (window_of(in->node, x, w->dims + 2, transposed, &window, in->err) != 0)
		return -EINVAL;
	channels = transposed ? w->dims[1] * group : w->dims[0];
	if (transposed ? w->dims[0] != x->dims[1] || x->dims[1] % group != 0
		       : w->dims[1] * group != x->dims[1] || channels % group != 0)
		return shape_refuse(in,
			"inputs %s and %s: the channels do not fit in %" PRId64 " groups",
			tensor_shape_text(x).text, tensor_shape_text(w).text, group);
	shape_copy(out, x);
	out->dims[1] = channels;
	shape_set_spatial(out, &window);
	return 0;
}

int shape_windows(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const struct attr *kernel = node_attr(in->node, ATTR_KERNEL_SHAPE);
	struct window window;

	if (!kernel || kernel->kind != ATTR_KIND_INTS || x->rank < 3 ||
		kernel->count != x->rank - 2)
		return shape_refuse(in,
			"attribute \"kernel_shape\" should have all dimensions of the input after "
			"the second");
	if (window_of(in->node, x, kernel->ints, false, &window, in->err) != 0)
		return -EINVAL;
	shape_copy(out, x);
	shape_set_spatial(out, &window);
	return 0;
}
