// SPDX-License-Identifier: BSD-3-Clause
// What of a TensorFlow Lite file is scored: tensors and operators of its main subgraph, as its schema
// (tensorflow/lite/schema/schema.fbs, version 3) has them.
#pragma once

#include "base/error.h"
#include "infer/graph/arena.h"
#include "infer/graph/graph.h"
#include "infer/import/tflite/flatbuffer.h"

enum tflite_type { // of the schema
	TFLITE_FLOAT32,
	TFLITE_FLOAT16,
	TFLITE_INT32,
	TFLITE_UINT8,
	TFLITE_INT64,
	TFLITE_STRING,
	TFLITE_BOOL,
	TFLITE_INT16,
	TFLITE_INT8 = 9,
	TFLITE_FLOAT64,
	TFLITE_TYPE_COUNT = 19,
};
const char *tflite_type_name(int64_t type);

#define TFLITE_NONE (-1) // an optional input that is left out

struct tflite_tensor {
	const char *name; // clean; "" where it has none
	int64_t type;
	uint32_t rank;
	int64_t dims[GRAPH_RANK_MAX];
	bool open[GRAPH_RANK_MAX]; // of a size that is said when it is run
	const uint8_t *data;       // of a constant; NULL: it is computed
	size_t bytes;
	bool is_variable;
	// (q - zeros[c]) * scales[c], c along `axis`. n_scales 0: it is not quantised.
	uint32_t n_scales;
	const float *scales;
	const int64_t *zeros; // [n_scales]
	int64_t axis;
};

struct tflite_operator {
	int64_t code;
	const char *custom; // the name of one that is none of TensorFlow Lite's
	struct flatbuffer_vector inputs, outputs; // of int32
	struct flatbuffer_table options;
};

struct tflite_file {
	struct flatbuffer buffer;
	const char *description;
	int64_t n_subgraphs;
	struct tflite_tensor *tensors;     // [n_tensors]
	struct tflite_operator *operators; // [n_operators]
	uint32_t n_tensors, n_operators;
	struct flatbuffer_vector inputs, outputs; // of int32, which are tensors
};

// The bytes must outlive `file`, whose lists lie in the arena. All indices and sizes are checked. -EINVAL,
// -ENOTSUP, -ENOMEM.
int tflite_file_read(struct tflite_file *file, const void *bytes, size_t size, struct arena *arena,
	struct error *err);
