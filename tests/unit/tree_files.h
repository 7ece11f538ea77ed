// SPDX-License-Identifier: BSD-3-Clause
// Files of one small tree, in each of ai.onnx.ml's forms: made whole by tree_file_sound() or
// tree_file_sound_ensemble(), spoiled in one place by the test, then built into onnx_build.h's
// file.
#pragma once

#include "tests/unit/onnx_build.h"

struct tree_file {
	int64_t zeros[8], ids[8], yes[8], no[8], features[8], labels[2], targets[8];
	float thresholds[8], weights[8], base[4];
	ProtobufCBinaryData modes[8];
	size_t n_modes, n_base;
	const char *post;
	// Of TreeEnsemble.
	double members[8], splits[8], leaf_weights[8];
	uint8_t mode_bytes[8];
	int64_t leaf_flags[8], roots[2];
};
extern struct tree_file tree_file;

// x[0] <= 0.5: leaf 1, else leaf 2, with the weights -1 and 2.
void tree_file_sound(void);
void tree_file_regressor(void);
void tree_file_classifier(size_t n_labels);
// One branch: x[0] is a member: leaf 1 (2), else leaf 0 (-1).
void tree_file_sound_ensemble(void);
Onnx__NodeProto *tree_file_ensemble(size_t n_members);

// A file of one node "n" with the input x [B, 2]; `second` may be NULL.
Onnx__NodeProto *tree_file_operator(const char *type, const char *first, const char *second);
void tree_file_text(Onnx__NodeProto *node, const char *name, const char *value);
void tree_file_int(Onnx__NodeProto *node, const char *name, int64_t value);
