// SPDX-License-Identifier: BSD-3-Clause
// What the command line gives for inputs of a file, as "NAME=1,50,39;...": their shapes (dims.h), or
// values that make them constants.
#pragma once

#include "infer/import/onnx/onnx.h"

struct onnx_given {          // for sentences
	const char *what;    // "shape"
	const char *example; // what should stand behind the "="
};

// The entry for an input, behind the "="; it ends at a ";" or with the list. NULL: there is none.
const char *onnx_given(const char *list, const char *name);
// Is each entry for an input that a row gives? 0 or -EINVAL.
int onnx_given_check(struct onnx *onnx, const char *list, const struct onnx_given *given);
// After the initialisers are read, and before the inputs: those with a value in options->fixed become
// constants, so that nobody asks a row for them. 0, or a negative errno with the sentence made.
int onnx_read_fixed(struct onnx *onnx);
// Is it an initialiser, or made a constant by the above, and listed among the inputs all the same?
bool onnx_is_initializer(struct onnx *onnx, const Onnx__ValueInfoProto *info);
