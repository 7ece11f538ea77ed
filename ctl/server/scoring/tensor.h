// SPDX-License-Identifier: BSD-3-Clause
// A request of the Open Inference Protocol as all of its transports say it: named tensors in, names of
// tensors out. Nothing here knows JSON or protobuf. Any thread.
//
// A model's input is one tensor, TENSOR_ROWS, [rows, features]: FP32, or FP16 or BF16 as bytes; or BYTES,
// where each element is a cell of text as a CSV has it. Or each feature is a tensor of its own by its name,
// [rows] or [rows, 1]. Its outputs are TENSOR_SCORES, FP32 [rows, outputs], and, where each output is the
// score of a class, TENSOR_LABEL, BYTES [rows, 1]: the label of the best one.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

#include <stdbool.h>
#include <stdint.h>

#define TENSOR_ROWS        "rows"
#define TENSOR_SCORES      "scores"
#define TENSOR_LABEL       "label"
#define TENSOR_DIMS_MAX    8
#define TENSOR_OUTPUTS_MAX 16

// X(name, bytes of an element; 0: each says its own)
#define TENSOR_TYPES(X)                                                                            \
	X(BOOL, 1)                                                                                 \
	X(UINT8, 1)                                                                                \
	X(UINT16, 2)                                                                               \
	X(UINT32, 4)                                                                               \
	X(UINT64, 8)                                                                               \
	X(INT8, 1)                                                                                 \
	X(INT16, 2)                                                                                \
	X(INT32, 4)                                                                                \
	X(INT64, 8)                                                                                \
	X(FP16, 2)                                                                                 \
	X(FP32, 4)                                                                                 \
	X(FP64, 8)                                                                                 \
	X(BF16, 2)                                                                                 \
	X(BYTES, 0)

enum tensor_type {
#define X(name, bytes) TENSOR_##name,
	TENSOR_TYPES(X)
#undef X
		TENSOR_TYPE_COUNT
};
const char *tensor_type_name(enum tensor_type type);
// False where no type has this name.
bool tensor_type_parse(const char *name, size_t size, enum tensor_type *type);

struct tensor_input {
	const char *name; // [name_bytes] and a zero byte
	size_t name_bytes;
	enum tensor_type type; // TENSOR_TYPE_COUNT: not said
	uint64_t shape[TENSOR_DIMS_MAX];
	uint32_t n_dims;
	uint64_t n_values; // their product
	bool has_shape;
	char *json; // [json_bytes], an array that tensor_json.h reads; NULL: none
	size_t json_bytes;
	size_t json_place; // where it begins in the body
	char *raw; // [raw_bytes]; may be changed and put back while it is read, as may the byte behind
	size_t raw_bytes;
	bool has_raw;
};

struct tensor_wanted {
	const char *name;
	size_t name_bytes;
	bool binary, says_binary; // as bytes, where the transport can have it otherwise, too
	uint32_t classification;  // the so many best classes instead of the scores; 0: scores
};

struct tensor_request {
	const char *id; // NULL: none
	size_t id_bytes;
	struct tensor_input *inputs; // [n_inputs], malloc'ed
	uint32_t n_inputs, inputs_capacity;
	struct tensor_wanted wanted[TENSOR_OUTPUTS_MAX]; // none: all there are
	uint32_t n_wanted;
	bool binary; // of outputs that say nothing
	uint32_t budget_us;
	bool urgent;
};

void tensor_request_fini(struct tensor_request *request);
// A new, empty input; NULL and a sentence without memory, or where there are too many.
struct tensor_input *tensor_request_add(struct tensor_request *request, struct error *err);
// Multiplies out a shape that is complete. -EINVAL where it is beyond 2^64, or any count of values.
int tensor_input_count(struct tensor_input *input, struct error *err);
// "[2,41]"
#define TENSOR_SHAPE_TEXT 192
const char *tensor_input_shape(const struct tensor_input *input, char text[TENSOR_SHAPE_TEXT]);
// For a timeout of 64 bits, in us.
uint32_t tensor_budget(uint64_t us);
bool tensor_has_labels(const struct model_info *info);
