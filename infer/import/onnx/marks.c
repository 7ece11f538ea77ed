// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/marks.h"

#include <string.h>

int onnx_marks_add(struct onnx *onnx, struct onnx_marks *marks, uint32_t tensor, const char *what)
{
	if (tensor >= marks->n) {
		const uint32_t n = tensor < 512 ? 1024 : tensor * 2;
		bool *grown = arena_calloc(onnx->scratch, n, sizeof(*grown));

		if (!grown)
			return error_set(
				onnx->err, -ENOMEM, "out of memory for the model's %s", what);
		if (marks->n)
			memcpy(grown, marks->of, marks->n * sizeof(*grown));
		*marks = (struct onnx_marks){ grown, n };
	}
	marks->of[tensor] = true;
	return 0;
}

bool onnx_marks_have(const struct onnx_marks *marks, uint32_t tensor)
{
	return tensor < marks->n && marks->of[tensor];
}
