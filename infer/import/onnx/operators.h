// SPDX-License-Identifier: BSD-3-Clause
// All operators that are read, of every family.
#pragma once

#include "infer/import/onnx/family.h"

// Which of the domains that are read a file means; false: none of them.
bool onnx_domain_find(const char *name, enum onnx_domain *domain);
const char *onnx_domain_name(enum onnx_domain domain);
int64_t onnx_domain_opset_max(enum onnx_domain domain); // all from 1 on are read

// The operator of that name; NULL: it is not read.
const struct onnx_operator *onnx_operator_find(enum onnx_domain domain, const char *type);
// May its attributes be graphs?
bool onnx_operator_has_bodies(const struct onnx_operator *op);
// Number `index` of all operators; NULL behind the last.
const struct onnx_operator *onnx_operator_at(size_t index, enum onnx_domain *domain);

// Adds what a file imports of the domains that are read; two versions of one are -EINVAL.
int onnx_read_opsets(size_t n, Onnx__OperatorSetIdProto *const *sets, struct onnx_opsets *opsets,
	struct error *err);
// Number `index` of all of them, as model_operator() (infer/infer.h) lists them.
bool onnx_operator_listed(size_t index, struct model_operator *found);
