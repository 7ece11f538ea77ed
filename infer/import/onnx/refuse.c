// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/refuse.h"

int onnx_refuse(struct onnx *onnx, const struct onnx_node *node, int code, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(onnx->err, code, "node '%.80s' (%.40s): %s", node->name, node->type, text);
}

int onnx_refuse_memory(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_refuse(onnx, node, -ENOMEM, "out of memory");
}

int onnx_refuse_as(struct onnx *onnx, const struct onnx_node *node)
{
	return error_prefix(onnx->err, "node '%.80s' (%.40s)", node->name, node->type);
}
