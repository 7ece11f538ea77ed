// SPDX-License-Identifier: BSD-3-Clause
// Convolutions and pools.
#include "infer/graph/window.h"
#include "infer/ops/rule.h"

#include <inttypes.h>

static void set_spatial(struct tensor *out, const struct window *window)
{
	for (uint32_t d = 0; d < window->n; d++)
		out->dims[2 + d] = window->out[WINDOW_DIMS - window->n + d];
}

// Output channels by the weights' dims: [M, C / groups, ...] or, transposed, [C, M / groups, ...].
static int convolution(
	const struct inference *in, uint32_t i, uint32_t j, struct tensor *out, bool transposed)
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
	set_spatial(out, &window);
	return 0;
}

int shape_convolution(const struct inference *in, uint32_t x, uint32_t w, struct tensor *out)
{
	return convolution(in, x, w, out, false);
}

static int shape_conv_as(const struct inference *in, struct tensor *out, bool transposed)
{
	if (shape_need_f32(in) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0 ||
		convolution(in, 0, 1, out, transposed) != 0)
		return -EINVAL;
	return shape_need_vector(in, 2, out->dims[1]);
}

int shape_conv(const struct inference *in, struct tensor *out)
{
	return shape_conv_as(in, out, false);
}

int shape_conv_transpose(const struct inference *in, struct tensor *out)
{
	return shape_conv_as(in, out, true);
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
	set_spatial(out, &window);
	return 0;
}

int shape_pool(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (in->node->op == OP_MAX_POOL
			? x->dtype != DTYPE_F32 && x->dtype != DTYPE_U8 && x->dtype != DTYPE_I8
			: x->dtype != DTYPE_F32)
		return shape_refuse(in, "input \"%s\" is %s, which is not pooled", x->name,
			dtype_name(x->dtype));
	if (shape_need_int(in, ATTR_P, 2, 1, INT32_MAX) != 0 || shape_windows(in, out) != 0)
		return -EINVAL;
	if (in->node->n_outputs > 1) {
		shape_copy(&out[1], out);
		out[1].dtype = DTYPE_I64;
	}
	return 0;
}
