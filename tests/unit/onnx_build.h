// SPDX-License-Identifier: BSD-3-Clause
// Small ONNX files built in the tests' memory, right or wrong in one place. One at a time: all of
// it is static, file_begin() starts the next.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

#include "onnx.pb-c.h"

#define FILE_DIM_OPEN INT64_MIN
#define FILE_LIST_MAX 16

struct onnx_file {
	Onnx__ModelProto model;
	Onnx__GraphProto graph;
	Onnx__OperatorSetIdProto opsets[2], *opset_list[2];
	Onnx__NodeProto nodes[FILE_LIST_MAX], *node_list[FILE_LIST_MAX];
	char *names[FILE_LIST_MAX][2][4];
	Onnx__AttributeProto attrs[FILE_LIST_MAX], *attr_list[FILE_LIST_MAX];
	Onnx__TensorProto weights[FILE_LIST_MAX], *weight_list[FILE_LIST_MAX];
	int64_t dims[FILE_LIST_MAX][4];
	Onnx__ValueInfoProto infos[FILE_LIST_MAX], *in_list[FILE_LIST_MAX],
		*out_list[FILE_LIST_MAX];
	Onnx__TypeProto types[FILE_LIST_MAX];
	Onnx__TypeProto__Tensor tensors[FILE_LIST_MAX];
	Onnx__TensorShapeProto shapes[FILE_LIST_MAX];
	Onnx__TensorShapeProto__Dimension axes[FILE_LIST_MAX][4], *axis_list[FILE_LIST_MAX][4];
	Onnx__StringStringEntryProto props[FILE_LIST_MAX], *prop_list[FILE_LIST_MAX];
	size_t n_attrs, n_infos;
};
extern struct onnx_file file;
extern float file_values[8]; // 1 to 8

// What the last import or compilation gave. file_end() frees it; it is a cmocka teardown.
extern struct graph *file_graph;
extern struct compile_report file_report;
extern struct error file_err;
int file_end(void **state);
// Where imports are told that the file lies; NULL: nowhere. It stays so until a test changes it.
extern const char *file_path;

// protobuf-c's structs hold names without const, and nothing here writes to them.
char *file_name(const char *text);

void file_begin(int64_t opset);
Onnx__ValueInfoProto *file_info(const char *name, uint32_t rank, const int64_t *dims);
void file_input(const char *name, int64_t d0, int64_t d1);
void file_output(const char *name);
// [d0, d1], or [d0] where d1 is 0. As many values as the dims say are taken to be there.
Onnx__TensorProto *file_weight(const char *name, int64_t d0, int64_t d1, float *values);
Onnx__NodeProto *file_node(
	const char *type, const char *in0, const char *in1, const char *out0, const char *out1);
// Of the node made last.
Onnx__AttributeProto *file_attr(Onnx__NodeProto *to, const char *name, int type);
void file_floats(Onnx__NodeProto *to, const char *name, float *values, size_t n);
void file_ints(Onnx__NodeProto *to, const char *name, int64_t *values, size_t n);
void file_metadata(const char *key, const char *value);
// [B, 2] -> Relu -> y: a sound file to be spoiled.
void file_relu(const char *in, const char *out);
void file_small(void);

uint8_t *file_pack(size_t *size); // free() it
int file_import(void);
void file_accepted(void);
// Refused with a sentence that holds `part`; and with this very sentence, no more.
void file_refused(int code, const char *part);
void file_refused_with(int code, const char *sentence);
// The same of bytes, however they came.
void bytes_refused_with(const void *bytes, size_t size, int code, const char *sentence);
