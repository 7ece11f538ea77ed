// SPDX-License-Identifier: BSD-3-Clause
// What the files of the TensorFlow Lite importer work on; nobody else includes this.
//
// A file is rewritten as the ONNX that means the same, in memory, and the ONNX importer makes the graph
// of it: shapes, batches, constants that fold and refusals are done once. Values have names there, of
// which each tensor of the file may have four: as real numbers or as the bytes they are kept in, and
// in TensorFlow's order of an image's dimensions (NHWC) or in ONNX's (NCHW). They are made where they
// are asked for, so that a row of convolutions is transposed at its ends alone.
#pragma once

#include "infer/graph/report.h"
#include "infer/import/options.h"
#include "infer/import/tflite/file.h"

#include "onnx.pb-c.h"

enum tflite_form { TFLITE_REAL, TFLITE_BYTES, TFLITE_FORMS };
enum tflite_layout { TFLITE_NHWC, TFLITE_NCHW, TFLITE_LAYOUTS };

struct tflite_value {
	const char *names[TFLITE_FORMS][TFLITE_LAYOUTS]; // NULL: not made
	bool defined;                                    // by an input or an operator
	enum tflite_layout home;                         // in which it was made
};

struct tflite {
	struct tflite_file file;
	const struct import_options *options;
	struct arena *arena; // until the import is over
	struct compile_report *report;
	struct error *err;
	struct tflite_value *values; // [file.n_tensors]
	Onnx__GraphProto graph;
	size_t nodes_room, constants_room;
	uint32_t n_names;
	uint32_t at; // the operator at hand, and its name
	const char *at_name;
	bool hybrid, wide, stateful; // for the report
};

struct tflite_node { // an operator at hand
	uint32_t index;
	const char *type; // its name in the schema
	const struct tflite_operator *op;
};

typedef int tflite_importer(struct tflite *t, const struct tflite_node *node);
struct tflite_builtin {
	int64_t code;
	const char *name;
	uint32_t inputs_min, inputs_max, outputs_max;
	tflite_importer *import;
};
// Families, each ending with a name of NULL.
extern const struct tflite_builtin TFLITE_CONV[], TFLITE_ELEMENTWISE[], TFLITE_MOVE[],
	TFLITE_PRODUCT[], TFLITE_QUANTISE[], TFLITE_RECURRENT[], TFLITE_REDUCE[];

// The sentence for an operator; returns `code`.
int tflite_refuse(struct tflite *t, const struct tflite_node *node, int code, const char *format,
	...) __attribute__((format(printf, 4, 5)));
