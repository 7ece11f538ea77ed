// SPDX-License-Identifier: BSD-3-Clause
// What a family of operators tells of itself. Each has its table of those that are read at the end
// of its own file: ops/<family>.c of ai.onnx, ml/<family>.c of ai.onnx.ml, microsoft/<family>.c of
// com.microsoft. operators.c says which opsets.
//
// To add an operator: its importer there, and its line in that table.
#pragma once

#include "infer/import/onnx/onnx.h"

struct onnx_operator {
	const char *type;
	uint32_t inputs_min, inputs_max; // the first inputs_min of them may not be left out
	// Adds to the graph what the node computes and names its outputs: 0, or a negative errno
	// with the sentence made.
	int (*import)(struct onnx *onnx, const struct onnx_node *node);
	// What node->op says, for importers that serve several types.
	enum op op;
};

#define ONNX_FAMILIES(X)                                                                           \
	X(ELEMENTWISE)                                                                             \
	X(PRODUCT)                                                                                 \
	X(NORM)                                                                                    \
	X(REDUCE)                                                                                  \
	X(CONV)                                                                                    \
	X(POOL)                                                                                    \
	X(MOVE)                                                                                    \
	X(RESHAPE)                                                                                 \
	X(GATHER)                                                                                  \
	X(QUANTISE)                                                                                \
	X(RECURRENT)                                                                               \
	X(CONSTANTS)                                                                               \
	X(UNIQUE)                                                                                  \
	X(CONTROL)                                                                                 \
	X(EINSUM)                                                                                  \
	X(RESIZE)                                                                                  \
	X(REWRITES)                                                                                \
	X(NOISE)                                                                                   \
	X(SEQUENCE)                                                                                \
	X(SIGNAL)                                                                                  \
	X(ATTENTION)

#define ONNX_ML_FAMILIES(X)                                                                        \
	X(FEATURES)                                                                                \
	X(ENCODERS)                                                                                \
	X(LABELS)                                                                                  \
	X(LINEAR)                                                                                  \
	X(SVM)                                                                                     \
	X(TREES)                                                                                   \
	X(TREE_ENSEMBLE)

#define ONNX_MICROSOFT_FAMILIES(X)                                                                 \
	X(FUSED)                                                                                   \
	X(DISTANCE)                                                                                \
	X(BLOCKS)                                                                                  \
	X(NORM)                                                                                    \
	X(QUANTISE)                                                                                \
	X(ATTENTION)

// Each ends in type NULL.
#define ONNX_FAMILY(family) extern const struct onnx_operator ONNX_##family[];
ONNX_FAMILIES(ONNX_FAMILY)
#undef ONNX_FAMILY
#define ONNX_FAMILY(family) extern const struct onnx_operator ONNX_ML_##family[];
ONNX_ML_FAMILIES(ONNX_FAMILY)
#undef ONNX_FAMILY
#define ONNX_FAMILY(family) extern const struct onnx_operator ONNX_MICROSOFT_##family[];
ONNX_MICROSOFT_FAMILIES(ONNX_FAMILY)
#undef ONNX_FAMILY
