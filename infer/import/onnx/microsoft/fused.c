// SPDX-License-Identifier: BSD-3-Clause
// Operators of com.microsoft that ONNX Runtime's optimiser writes for two or three of ai.onnx.
// Formulas: ONNX Runtime's docs/ContribOperators.md.
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/tensor.h"

static int import_gelu(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_import_as(onnx, node, OP_GELU, 1, 0, NULL);
}

const struct onnx_operator ONNX_MICROSOFT_FUSED[] = {
	{ "Gelu", 1, 1, .import = import_gelu },
	{ .type = NULL },
};
