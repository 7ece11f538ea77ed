// SPDX-License-Identifier: BSD-3-Clause
// Trees as a TreeEnsembleRegressor.
#pragma once

#include "infer/export/onnx/message.h"

// Without tests of sets, of a zero that counts as missing, and without linear leaves, which ai.onnx.ml 3 has none of:
// -ENOTSUP. -ENOMEM.
int onnx_write_trees(struct message *message, const struct node *node, struct error *err);
