// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/window.h"

#include <inttypes.h>

#define WINDOW_MAX ((int64_t)1 << 28) // of any attribute: products of two fit

static int read_list(const struct node *node, enum attr_key key, uint32_t n, int64_t low,
	int64_t otherwise, int64_t *values, struct error *err)
{
	const struct attr *attr = node_attr(node, key);

	for (uint32_t d = 0; d < n; d++)
		values[d] = otherwise;
	if (!attr)
		return 0;
	if (attr->kind != ATTR_KIND_INTS || attr->count != n)
		return error_set(err, -EINVAL,
			"attribute \"%s\" should have %" PRIu32 " whole numbers", attr_name(key),
			n);
	for (uint32_t d = 0; d < n; d++) {
		values[d] = attr->ints[d];
		if (values[d] < low || values[d] > WINDOW_MAX)
			return error_set(err, -EINVAL,
				"attribute \"%s\" has %" PRId64 ", should be %" PRId64
				" to %" PRId64,
				attr_name(key), values[d], low, WINDOW_MAX);
	}
	return 0;
}

// How many windows there are along one dimension. With ceil_mode the last one may end behind the
// padding, but must begin in the padding in front or in the values.
static int64_t count(const struct window *w, uint32_t d, bool ceil_mode)
{
	int64_t span = w->dilation[d] * (w->kernel[d] - 1) + 1;
	int64_t spare = w->in[d] + w->begin[d] + w->end[d] - span, out;

	if (spare < 0)
		return 0;
	out = spare / w->stride[d] + 1;
	if (ceil_mode && spare % w->stride[d] != 0 && out * w->stride[d] < w->in[d] + w->begin[d])
		out++;
	return out;
}

int window_of(const struct node *node, const struct tensor *x, const int64_t *kernel,
	bool transposed, struct window *w, struct error *err)
{
	int64_t strides[WINDOW_DIMS], dilations[WINDOW_DIMS], pads[2 * WINDOW_DIMS];
	int64_t more[WINDOW_DIMS];
	const bool ceil_mode = node_int(node, ATTR_CEIL_MODE, 0) != 0;
	uint32_t n = x->rank - 2;

	if (x->rank < 3 || n > WINDOW_DIMS)
		return error_set(err, -EINVAL,
			"input \"%s\" is %s, should be [N, C] and 1 to %d more dimensions", x->name,
			tensor_shape_text(x).text, WINDOW_DIMS);
	if (read_list(node, ATTR_STRIDES, n, 1, 1, strides, err) ||
		read_list(node, ATTR_DILATIONS, n, 1, 1, dilations, err) ||
		read_list(node, ATTR_PADS, 2 * n, 0, 0, pads, err) ||
		read_list(node, ATTR_OUTPUT_PADDING, n, 0, 0, more, err))
		return -EINVAL;
	*w = (struct window){ .n = n };
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const uint32_t missing = WINDOW_DIMS - n, from = d - missing;

		w->in[d] = w->out[d] = w->kernel[d] = w->stride[d] = w->dilation[d] = 1;
		if (d < missing)
			continue;
		w->in[d] = x->dims[2 + from];
		w->kernel[d] = kernel[from];
		w->stride[d] = strides[from];
		w->dilation[d] = dilations[from];
		w->begin[d] = pads[from];
		w->end[d] = pads[n + from];
		if (w->kernel[d] < 1 || w->kernel[d] > WINDOW_MAX)
			return error_set(err, -EINVAL,
				"the kernel is %" PRId64 " wide, should be 1 to %" PRId64,
				w->kernel[d], WINDOW_MAX);
		w->out[d] = transposed ? w->stride[d] * (w->in[d] - 1) + more[from] +
				w->dilation[d] * (w->kernel[d] - 1) + 1 - w->begin[d] - w->end[d]
				       : count(w, d, ceil_mode);
		if (w->out[d] < 1 || w->out[d] > GRAPH_ELEMENTS_MAX)
			return error_set(err, -EINVAL,
				"the kernel of %" PRId64 " on %" PRId64 " values has %" PRId64
				" positions, should be 1 to %" PRId64,
				w->kernel[d], w->in[d], w->out[d], GRAPH_ELEMENTS_MAX);
	}
	return 0;
}
