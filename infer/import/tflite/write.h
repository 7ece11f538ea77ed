// SPDX-License-Identifier: BSD-3-Clause
// Nodes and constants of the ONNX that is written. Each returns the name of what it makes, or NULL, with
// the sentence made: where a NULL is given as an input it returns NULL again, so that calls may be nested.
#pragma once

#include "infer/import/tflite/tflite.h"

struct tflite_attr {
	const char *name;
	Onnx__AttributeProto__AttributeType kind;
	int64_t i;
	float f;
	const char *s;
	size_t n;
	const int64_t *ints;
};
#define TFLITE_INT(key, value)                                                                     \
	((struct tflite_attr){                                                                     \
		.name = (key), .kind = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, .i = (value) })
#define TFLITE_FLOAT(key, value)                                                                   \
	((struct tflite_attr){ .name = (key),                                                      \
		.kind = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,                              \
		.f = (value) })
#define TFLITE_TEXT(key, value)                                                                    \
	((struct tflite_attr){ .name = (key),                                                      \
		.kind = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,                             \
		.s = (value) })
#define TFLITE_INTS(key, count, values)                                                            \
	((struct tflite_attr){ .name = (key),                                                      \
		.kind = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,                               \
		.n = (count),                                                                      \
		.ints = (values) })

// A node of one output, with n inputs and up to 8 attributes. An input of "" is left out.
const char *tflite_write(struct tflite *t, const char *type, size_t n, const char *const *inputs,
	size_t n_attrs, const struct tflite_attr *attrs);
// The same of several outputs, whose names are given: 0 or a negative errno.
int tflite_write_outputs(struct tflite *t, const char *type, size_t n, const char *const *inputs,
	size_t n_attrs, const struct tflite_attr *attrs, size_t n_outputs,
	const char *const *outputs);
// Of one input, of two, without attributes; and of one with the list of axes that opset 13 takes.
const char *tflite_one(struct tflite *t, const char *type, const char *x);
const char *tflite_pair(struct tflite *t, const char *type, const char *a, const char *b);
const char *tflite_transposed(struct tflite *t, const char *x, size_t n, const int64_t *perm);

// A name that nothing else has.
const char *tflite_fresh(struct tflite *t);
// Constants. Data is not copied by the first; the others keep it for themselves.
const char *tflite_constant(struct tflite *t, Onnx__TensorProto__DataType type, size_t rank,
	const int64_t *dims, const void *data, size_t bytes);
const char *tflite_ints(struct tflite *t, size_t n, const int64_t *values); // a list
const char *tflite_scalar(struct tflite *t, float value);
