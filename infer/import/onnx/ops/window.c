// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/ops/window.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>

#define LIST_LIMIT ((int64_t)1 << 28) // keeps sums of such numbers far from overflow

int onnx_read_window_list(struct onnx *onnx, const struct onnx_node *node, const char *name,
	uint32_t count, int64_t otherwise, int64_t *values, bool *there)
{
	const Onnx__AttributeProto *found;

	if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(INTS), &found))
		return onnx_refused(onnx);
	if (there)
		*there = found && found->n_ints > 0;
	if (found && found->n_ints > 0 && found->n_ints != count)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute '%s' has %zu values, should have %u", name, found->n_ints,
			count);
	for (uint32_t i = 0; i < count; i++) {
		values[i] = found && found->n_ints > 0 ? found->ints[i] : otherwise;
		if (values[i] < 0 || values[i] > LIST_LIMIT)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"attribute '%s' has %lld, supported is 0 to %lld", name,
				(long long)values[i], (long long)LIST_LIMIT);
	}
	return 0;
}

static void split(struct onnx_window *g, uint32_t d, int64_t total, bool more_at_end)
{
	total = total > 0 ? total : 0;
	g->pads[more_at_end ? d : g->n + d] = total / 2;
	g->pads[more_at_end ? g->n + d : d] = total - total / 2;
}

static int auto_pads(
	struct onnx *onnx, const struct onnx_node *node, struct onnx_window *g, bool transposed)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	const char *how;

	if (onnx_string(onnx, node, "auto_pad", "NOTSET", &how))
		return onnx_refused(onnx);
	if (!*how || strcmp(how, "NOTSET") == 0)
		return 0;
	if (strcmp(how, "VALID") == 0) {
		memset(g->pads, 0, sizeof(g->pads));
		return 0;
	}
	if (strcmp(how, "SAME_UPPER") != 0 && strcmp(how, "SAME_LOWER") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"auto_pad is '%.20s', should be NOTSET, VALID, SAME_UPPER or SAME_LOWER",
			how);
	for (uint32_t d = 0; d < g->n; d++) {
		int64_t in = x->dims[2 + d], stride = g->strides[d] ? g->strides[d] : 1;
		int64_t span = (g->kernel[d] - 1) * g->dilations[d] + 1;
		int64_t out = (in + stride - 1) / stride;

		split(g, d,
			transposed ? stride * (in - 1) + g->output_padding[d] + span - in * stride
				   : (out - 1) * stride + span - in,
			strcmp(how, "SAME_UPPER") == 0);
	}
	return 0;
}

// ConvTranspose's output_shape: what is too much is padding. The specification gives the odd one
// to the end unless auto_pad is SAME_UPPER; ONNX's own reference and tests agree on it.
static int shape_pads(struct onnx *onnx, const struct onnx_node *node, struct onnx_window *g)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	int64_t shape[WINDOW_DIMS] = { 0 };
	const char *how;
	bool there;

	if (onnx_read_window_list(onnx, node, "output_shape", g->n, 0, shape, &there) ||
		onnx_string(onnx, node, "auto_pad", "NOTSET", &how))
		return onnx_refused(onnx);
	for (uint32_t d = 0; d < g->n && there; d++) {
		int64_t total = g->strides[d] * (x->dims[2 + d] - 1) + g->output_padding[d] +
			(g->kernel[d] - 1) * g->dilations[d] + 1 - shape[d];

		if (total < 0) { // longer than what is computed: padding of the output
			g->output_padding[d] -= total;
			total = 0;
		}
		split(g, d, total, strcmp(how, "SAME_UPPER") != 0);
	}
	return 0;
}

int onnx_read_window(struct onnx *onnx, const struct onnx_node *node, const int64_t *kernel,
	bool transposed, struct onnx_window *g)
{
	const struct tensor *x = onnx_input(onnx, node, 0);

	if (x->rank < 3 || x->rank > 2 + WINDOW_DIMS)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 0 is %s; [N, C] and 1 to %d more dimensions are supported",
			tensor_shape_text(x).text, WINDOW_DIMS);
	*g = (struct onnx_window){ .n = x->rank - 2 };
	if (kernel)
		memcpy(g->kernel, kernel, g->n * sizeof(*kernel));
	else if (onnx_read_window_list(onnx, node, "kernel_shape", g->n, 0, g->kernel, NULL))
		return onnx_refused(onnx);
	if (onnx_read_window_list(onnx, node, "strides", g->n, 1, g->strides, NULL) ||
		onnx_read_window_list(onnx, node, "dilations", g->n, 1, g->dilations, NULL) ||
		onnx_read_window_list(onnx, node, "pads", 2 * g->n, 0, g->pads, NULL) ||
		(transposed &&
			onnx_read_window_list(
				onnx, node, "output_padding", g->n, 0, g->output_padding, NULL)) ||
		auto_pads(onnx, node, g, transposed))
		return onnx_refused(onnx);
	return transposed ? shape_pads(onnx, node, g) : 0;
}
