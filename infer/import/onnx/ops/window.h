// SPDX-License-Identifier: BSD-3-Clause
// Windows of convolutions and pools: their attributes, auto_pad and output_shape become pads.
#pragma once

#include "infer/graph/window.h"
#include "infer/import/onnx/onnx.h"

#define ONNX_WINDOW_PADS (2 * WINDOW_DIMS)

struct onnx_window {
	uint32_t n; // dimensions that it slides along
	int64_t kernel[WINDOW_DIMS], strides[WINDOW_DIMS], dilations[WINDOW_DIMS];
	int64_t pads[ONNX_WINDOW_PADS]; // before each of the n dimensions, then behind each
	int64_t output_padding[WINDOW_DIMS];
};

// kernel: its dimensions where weights or the input say them; NULL: attribute "kernel_shape" does.
// `transposed`: of ConvTranspose. 0, -EINVAL, -ENOTSUP or -ENOMEM with the sentence made.
int onnx_read_window(struct onnx *onnx, const struct onnx_node *node, const int64_t *kernel,
	bool transposed, struct onnx_window *window);
// `count` whole numbers of an attribute, each `otherwise` where it is missing or empty. *there, or
// NULL: is it?
int onnx_read_window_list(struct onnx *onnx, const struct onnx_node *node, const char *name,
	uint32_t count, int64_t otherwise, int64_t *values, bool *there);
