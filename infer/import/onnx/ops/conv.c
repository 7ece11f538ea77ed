// SPDX-License-Identifier: BSD-3-Clause
// Conv and ConvTranspose, in floats and quantised.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ops/window.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>

static int read_conv(struct onnx *onnx, const struct onnx_node *node, uint32_t weights,
	struct onnx_window *window, int64_t *group)
{
	const struct tensor *w = onnx_input(onnx, node, weights), *x = onnx_input(onnx, node, 0);
	int64_t kernel[WINDOW_DIMS];
	bool there;

	if (w->rank != x->rank)
		return onnx_refuse(onnx, node, -EINVAL,
			"the weights have %u dimensions, the input %u", w->rank, x->rank);
	if (onnx_read_window(onnx, node, w->dims + 2, node->op == OP_CONV_TRANSPOSE, window) ||
		onnx_int(onnx, node, "group", 1, group) ||
		onnx_read_window_list(onnx, node, "kernel_shape", window->n, 0, kernel, &there))
		return onnx_refused(onnx);
	if (there && memcmp(kernel, window->kernel, window->n * sizeof(*kernel)) != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute 'kernel_shape' is not that of the weights %s",
			tensor_shape_text(w).text);
	return 0;
}

static int import_conv(struct onnx *onnx, const struct onnx_node *node)
{
	const bool floats = node->op == OP_CONV || node->op == OP_CONV_TRANSPOSE;
	const uint32_t n = onnx_inputs_given(node);
	struct onnx_window w = { 0 };
	int64_t group;

	if (read_conv(onnx, node, node->op == OP_QLINEAR_CONV ? 3 : 1, &w, &group))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_INTS(ATTR_STRIDES, w.n, w.strides),
		ONNX_INTS(ATTR_DILATIONS, w.n, w.dilations), ONNX_INTS(ATTR_PADS, 2 * w.n, w.pads),
		ONNX_INT(ATTR_GROUP, group),
		ONNX_INTS(ATTR_OUTPUT_PADDING, w.n, w.output_padding) };
	const uint32_t n_attrs = node->op == OP_CONV_TRANSPOSE ? 5 : 4;

	if (floats)
		return onnx_import_as(onnx, node, node->op, n, n_attrs, attrs);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, node->op, n, node->inputs, n_attrs, attrs));
}

const struct onnx_operator ONNX_CONV[] = {
	{ "Conv", 2, 3, import_conv, OP_CONV },
	{ "ConvTranspose", 2, 3, import_conv, OP_CONV_TRANSPOSE },
	{ "QLinearConv", 8, 9, import_conv, OP_QLINEAR_CONV },
	{ "ConvInteger", 2, 4, import_conv, OP_CONV_INTEGER },
	{ .type = NULL },
};
