// SPDX-License-Identifier: BSD-3-Clause
// Tensors of the file by the names of their values. NULL: the sentence is made.
#pragma once

#include "infer/import/tflite/tflite.h"

// The tensor that an operator has as its i-th input or output; NULL: it has none there.
const struct tflite_tensor *tflite_input(
	const struct tflite *t, const struct tflite_node *node, uint32_t i);
const struct tflite_tensor *tflite_output(
	const struct tflite *t, const struct tflite_node *node, uint32_t i);
uint32_t tflite_inputs_given(const struct tflite_node *node); // without those left out at the end

// Is it kept in 8 bits by one scale, so that what is computed for it is rounded?
bool tflite_is_rounded(const struct tflite_tensor *tensor);
// Are both, and by the same scale: may bytes of the one be the other's?
bool tflite_is_alike(const struct tflite_tensor *a, const struct tflite_tensor *b);
bool tflite_has_scale(const struct tflite_tensor *tensor); // of which there are bytes
// What bytes of a tensor stand for, whose scales lie along `axis` of them now.
const char *tflite_dequantised(
	struct tflite *t, const struct tflite_tensor *tensor, const char *bytes, int64_t axis);
// The ONNX element type of what is kept; false: none that is supported.
bool tflite_element(const struct tflite_tensor *tensor, Onnx__TensorProto__DataType *type);

// An operator's input as real numbers (whole ones where it is not quantised), or as its bytes.
const char *tflite_get(struct tflite *t, const struct tflite_node *node, uint32_t i,
	enum tflite_form form, enum tflite_layout layout);
const char *tflite_real(struct tflite *t, const struct tflite_node *node, uint32_t i);
// In which order of dimensions it was made.
enum tflite_layout tflite_home(const struct tflite *t, const struct tflite_node *node, uint32_t i);
// The values of a constant input of whole numbers, at most `most` of them. *n of them; -ENOTSUP where it is
// computed, -EINVAL.
int tflite_get_ints(struct tflite *t, const struct tflite_node *node, uint32_t i, size_t most,
	int64_t *values, size_t *n);

// Output k: what was computed, real numbers that are rounded to bytes where the tensor is; or bytes.
int tflite_give(struct tflite *t, const struct tflite_node *node, uint32_t k, const char *real,
	enum tflite_layout layout);
int tflite_give_form(struct tflite *t, const struct tflite_node *node, uint32_t k, const char *name,
	enum tflite_form form, enum tflite_layout layout);

// The fused activation that an operator's options name.
const char *tflite_activated(
	struct tflite *t, const struct tflite_node *node, int64_t activation, const char *x);

// The model's inputs and outputs.
int tflite_begin(struct tflite *t);
int tflite_end(struct tflite *t);
