// SPDX-License-Identifier: BSD-3-Clause
// A model as operators and tensors, whatever file it came from.
//
// One evaluation of the graph scores one row: importers replace a symbolic batch dimension by 1, so
// every shape is static. A batch of n rows is n evaluations, contiguous in memory: a computed
// tensor of shape [d0, d1, ...] holds n * d0 * d1 * ... values. Rows are independent of each other
// in every operator, so that a step may take the n rows in any order. Constants are shared by all
// rows.
//
// Nodes stand in topological order; each tensor is an input, a constant, or the output of exactly
// one node. graph_check() (ops/check.h) proves that and infers every shape again, so that a graph
// that passes it can be planned and scored without further checks. Owner: one thread; all memory is
// the graph's own arena or, for constants with `data` pointing into an image, the image's (which
// must outlive the graph).
#pragma once

#include "base/error.h"
#include "infer/graph/ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_RANK_MAX     8
#define GRAPH_TENSORS_MAX  (1u << 20)
#define GRAPH_NODES_MAX    (1u << 19)
#define GRAPH_ELEMENTS_MAX ((int64_t)1 << 28) // of one tensor
#define GRAPH_NONE         UINT32_MAX         // an optional input left out

enum dtype {
	DTYPE_F32,
	DTYPE_F64,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_I8,
	DTYPE_U8,
	DTYPE_I16,
	DTYPE_U16,
	DTYPE_I32,
	DTYPE_U32,
	DTYPE_I64,
	DTYPE_U64,
	DTYPE_BOOL,
	DTYPE_COUNT,
};
size_t dtype_bytes(enum dtype dtype);
const char *dtype_name(enum dtype dtype);
bool dtype_is_float(enum dtype dtype);  // F32, F64, F16, BF16
bool dtype_is_signed(enum dtype dtype); // an integer with a sign

struct tensor {
	// As the source names it; never NULL; unique, but for an output that is an input as well.
	const char *name;
	enum dtype dtype;
	uint32_t rank;                // 0: a scalar
	int64_t dims[GRAPH_RANK_MAX]; // [rank], each >= 0
	const void *data;             // [elements] little-endian; NULL: computed or an input
	// The node from which `data` was folded, with its inputs, for passes that look at where a
	// constant comes from. Valid until a pass renumbers tensors. NULL otherwise.
	const struct node *folded;
};
// Product of dims, 1 for a scalar.
int64_t tensor_elements(const struct tensor *tensor);
size_t tensor_bytes(const struct tensor *tensor);

// dtype, rank, each dimension and their product against the limits above; overflow-safe. The
// sentence has no subject: prefix it with the tensor's name. -EINVAL.
int tensor_check_shape(const struct tensor *tensor, struct error *err);

// "[1, 41]" for people's eyes.
struct shape_text {
	char text[GRAPH_RANK_MAX * 22 + 3];
};
struct shape_text tensor_shape_text(const struct tensor *tensor);

struct attr {
	enum attr_key key; // ops.h
	enum attr_kind kind;
	uint32_t count; // of values; 1 for INT and FLOAT
	union {
		int64_t i;
		float f;
		const int64_t *ints; // [count]
		const float *floats; // [count]
	};
};

struct node {
	enum op op;
	const char *name; // as the source names it, or "<op>_<index>"; never NULL
	uint32_t n_inputs, n_outputs, n_attrs;
	uint32_t *inputs;  // [n_inputs] tensor or GRAPH_NONE
	uint32_t *outputs; // [n_outputs] tensor or GRAPH_NONE
	struct attr *attrs;
};

struct drift_reference;
struct model_texts;

struct graph_port { // one of the model's inputs or outputs: adjacent columns of the row
	uint32_t tensor;
	uint32_t first_column; // of this tensor's values in the row
};

struct graph {
	struct tensor *tensors;
	struct node *nodes;
	struct graph_port *inputs, *outputs;
	uint32_t n_tensors, n_nodes, n_inputs, n_outputs;

	// What the image carries beside the operators.
	const char *name;
	const char *source_kind;
	uint8_t source_sha256[32];
	uint32_t n_features, n_columns_out; // sum over inputs, outputs
	const char **feature_names;         // [n_features]
	const char **output_names;          // [n_columns_out]
	const char **class_labels;          // [n_class_labels]
	uint32_t n_class_labels;
	const char **lineage; // [n_lineage] how it was made, the oldest step first: lineage.h
	uint32_t n_lineage;
	const struct model_texts *texts; // [n_texts] features that are text, ascending: infer.h
	uint32_t n_texts;
	const float *input_scale; // [n_features]
	const float *input_zero;  // [n_features]
	// The source says them, but where they are 0: calibration leaves them so. Not kept in an image.
	bool input_scale_given;
	bool accepts_missing;
	bool exact; // struct model_options' for this model, whatever the options say
	uint32_t n_golden;
	const float *golden_rows;    // [n_golden][n_features]
	const float *golden_outputs; // [n_golden][n_columns_out]
	// [n_golden][n_columns_out] by how much a right score may be off; NULL: by the rule of
	// model_check_golden().
	const float *golden_tolerance;
	float golden_mean;                       // likewise; 0: by tolerances alone
	const struct drift_reference *reference; // base/drift.h; NULL: none

	uint64_t folded_work; // that op_fold() (ops/fold.h) has done so far
	struct arena *arena;  // all memory above; see arena.h
};

#define GRAPH_ARENA_BYTES_MAX ((size_t)3 << 30)

struct graph *graph_create(void); // NULL: out of memory
void graph_destroy(struct graph *graph);

// Building. They return the index, or GRAPH_NONE with err filled (limits above, memory). Adding
// may move graph->tensors and graph->nodes: keep indices, not pointers.
uint32_t graph_add_tensor(struct graph *graph, const char *name, enum dtype dtype, uint32_t rank,
	const int64_t *dims, const void *data, struct error *err); // data is not copied
uint32_t graph_add_node(struct graph *graph, enum op op, const char *name, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_outputs, const uint32_t *outputs, struct error *err);
// Tensors, or nodes, that there must be room for where somebody else makes an array of `count`.
size_t graph_capacity(uint32_t count);
// Attributes: 0, or -ENOMEM. A key that is there already gets the new value.
int node_set_int(struct graph *graph, struct node *node, enum attr_key key, int64_t value);
int node_set_float(struct graph *graph, struct node *node, enum attr_key key, float value);
int node_set_ints(struct graph *graph, struct node *node, enum attr_key key, uint32_t count,
	const int64_t *values); // copied
int node_set_floats(struct graph *graph, struct node *node, enum attr_key key, uint32_t count,
	const float *values);                                             // copied
const struct attr *node_attr(const struct node *node, enum attr_key key); // NULL: not there
int64_t node_int(const struct node *node, enum attr_key key, int64_t otherwise);
float node_float(const struct node *node, enum attr_key key, float otherwise);
// The AXIS attribute counted from the front; -EINVAL where the rank has no such axis.
int node_axis(const struct node *node, uint32_t rank, int64_t otherwise, uint32_t *axis);
// ONNX's (numpy's) broadcasting of two shapes to one, a's dtype; -EINVAL where they do not.
int dims_broadcast(struct tensor *out, const struct tensor *a, const struct tensor *b);
