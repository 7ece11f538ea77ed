// SPDX-License-Identifier: BSD-3-Clause
// Tensors whose values lie in files beside the model's (TensorProto.external_data; format: ONNX's
// ExternalData.md). The files' names are the model's, so they are hostile: only regular files in
// the model's folder or below are read, never through a link, and no more than
// ONNX_EXTERNAL_BYTES_MAX of them altogether.
#pragma once

#include "infer/import/onnx/onnx.h"

#define ONNX_EXTERNAL_BYTES_MAX ((size_t)1 << 30)

// The values of such a tensor, `size` bytes of them, as raw_data would hold them; free() *bytes,
// which is NULL on an error. `where` and `name` for the sentence. 0, -EINVAL, -ENOTSUP, -EFBIG,
// -ENOMEM, or what opening and reading say.
int onnx_external_read(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, size_t size, uint8_t **bytes);
// One line of all that was read so; nothing where nothing was.
void onnx_external_report(const struct onnx *onnx);
void onnx_external_close(struct onnx *onnx);
