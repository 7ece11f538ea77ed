// SPDX-License-Identifier: BSD-3-Clause
// Attributes by name, and the values of constant inputs. All return 0, or refuse a wrong type with
// -EINVAL, what must be constant and is not with -ENOTSUP, and return -ENOMEM.
#pragma once

#include "infer/import/onnx/onnx.h"

#define ONNX_ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

// The attribute where it is of `type` (ONNX_ATTRIBUTE); *attr NULL: not there.
int onnx_attr(struct onnx *onnx, const struct onnx_node *node, const char *name, int type,
	const Onnx__AttributeProto **attr);
// Found or not, *value is set.
int onnx_int(struct onnx *onnx, const struct onnx_node *node, const char *name, int64_t otherwise,
	int64_t *value);
int onnx_float(struct onnx *onnx, const struct onnx_node *node, const char *name, float otherwise,
	float *value);
int onnx_string(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *otherwise, const char **value);
// *count 0 and *values NULL: not there.
int onnx_floats(struct onnx *onnx, const struct onnx_node *node, const char *name, size_t *count,
	const float **values);

// The whole numbers of a constant input, up to one for each dimension of a tensor.
int onnx_input_ints(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t *count, const int64_t **values);
// The same, up to `most` of them.
int onnx_input_list(struct onnx *onnx, const struct onnx_node *node, uint32_t input, uint32_t most,
	uint32_t *count, const int64_t **values);
// The one value of a constant input; `otherwise` where it is left out.
int onnx_input_float(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	float otherwise, float *value);
