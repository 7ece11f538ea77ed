// SPDX-License-Identifier: BSD-3-Clause
// The Scan by which skl2onnx writes distances, which becomes one node instead of a round for each row.
#pragma once

#include "infer/import/onnx/onnx.h"

// *is_one: it was such a Scan, and is imported. 0, or a negative errno with the sentence made.
int onnx_scan_of_distances(struct onnx *onnx, const struct onnx_node *node, bool *is_one);
