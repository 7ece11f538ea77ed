// SPDX-License-Identifier: BSD-3-Clause
// What the parts of the ONNX importer share; nobody else includes this.
// Format: onnx.proto of Debian's libonnx-dev; semantics: ONNX Operators.md and Operators-ml.md.
#pragma once

#include "infer/graph/arena.h"
#include "infer/import/import.h"

#include "onnx.pb-c.h"

#define ONNX_OPSET_MIN    1
#define ONNX_OPSET_MAX    25
#define ONNX_ML_OPSET_MIN 1
#define ONNX_ML_OPSET_MAX 5
#define ONNX_NESTING_MAX  32 // messages inside messages; sound models reach 11
#define ONNX_FILE_MAX     ((size_t)1 << 30)
#define ONNX_NODE_INPUTS  GRAPH_NODE_IO_MAX

struct onnx_value { // a name in the file's value namespace
	const char *name;
	uint32_t tensor;   // GRAPH_NONE until made
	uint32_t producer; // node of the file, GRAPH_NONE: input or initialiser
	bool defined;
	bool is_label; // a predicted class, not a number: dropped
};

struct onnx_port { // an input of whole numbers: the row's float32, and what it is cast to
	uint32_t plain, cast;
};

struct onnx {
	Onnx__ModelProto *model;
	const Onnx__GraphProto *proto;
	struct graph *graph;
	struct arena *scratch; // until the import is over
	struct compile_report *report;
	struct error *err;
	int64_t opset, opset_ml;   // 0: not imported
	struct onnx_value *values; // open-addressed by name, [values_size], a power of two
	size_t values_size, n_values;
	unsigned char hash_key[16];
	struct onnx_port *ports; // [n_ports] inputs of whole numbers
	uint32_t n_ports;
	uint32_t n_made; // names made: a number is never tried twice, whatever names a file has
	bool narrowed;   // doubles or halves became float32
	bool labels;     // predicted classes are wanted
};

struct onnx_node {
	const Onnx__NodeProto *proto;
	const char *name; // never NULL or empty
	const char *type;
	uint32_t n_inputs;
	uint32_t *inputs; // [n_inputs] tensor or GRAPH_NONE where left out
};

// "node 'x' (Gemm): <sentence>"
__attribute__((format(printf, 4, 5))) int onnx_refuse(
	struct onnx *onnx, const struct onnx_node *node, int code, const char *format, ...);

// onnx_parse.c: bounded parsing. *model is freed with onnx_free_model().
int onnx_parse(const void *bytes, size_t size, Onnx__ModelProto **model, struct error *err);
void onnx_free_model(Onnx__ModelProto *model);

// onnx_values.c
struct onnx_value *onnx_value(struct onnx *onnx, const char *name); // made when new; NULL: memory
bool onnx_value_exists(struct onnx *onnx, const char *name);
// A name's one definition; NULL with the sentence made: no name, or defined before.
struct onnx_value *onnx_define(struct onnx *onnx, const char *name, const char *what);

#define ONNX_INT(k, value)                                                                         \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INT, .count = 1, .i = (value)                        \
	}
#define ONNX_FLOAT(k, value)                                                                       \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_FLOAT, .count = 1, .f = (value)                      \
	}

static inline const struct tensor *onnx_input(
	const struct onnx *onnx, const struct onnx_node *node, uint32_t i)
{
	return &onnx->graph->tensors[node->inputs[i]];
}

static inline const char *onnx_text(const char *s)
{
	return s ? s : "";
}

// onnx_inputs.c, onnx_nodes.c, onnx_names.c: the parts of an import, in this order.
int onnx_read_initializers(struct onnx *onnx);
int onnx_read_inputs(struct onnx *onnx);
int onnx_define_outputs(struct onnx *onnx);
int onnx_import_nodes(struct onnx *onnx);
int onnx_name_columns(struct onnx *onnx);
void onnx_read_metadata(struct onnx *onnx);

const char *onnx_type_name(int64_t type); // of an element; "an unknown type"
// The dtype that values of an element type have here: floats of any width are F32, whole numbers
// and bool what they are. False: text, complex numbers and what is not known.
bool onnx_dtype(int64_t type, enum dtype *dtype);
// onnx_tensor.c: a constant as the file has it, in the dtype above. `where` for the sentence.
int onnx_tensor(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor);
// A constant of this graph with memory for its values, which the caller fills.
uint32_t onnx_constant(struct onnx *onnx, const char *name, enum dtype dtype, uint32_t rank,
	const int64_t *dims, void **data);
// The same under a name of its own making.
uint32_t onnx_made(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype, uint32_t rank,
	const int64_t *dims, void **data);
// One value, under a name of its own making.
uint32_t onnx_scalar(struct onnx *onnx, const struct onnx_node *node, float value);
// The tensor as another dtype: itself where it has that, the row's own values for an input.
uint32_t onnx_as(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype);
// The same constant under other dims.
uint32_t onnx_reshaped(
	struct onnx *onnx, uint32_t tensor, const char *name, uint32_t rank, const int64_t *dims);

// onnx_attr.c: attributes by name, checked for type. Found or not, *value is set.
int onnx_int(struct onnx *onnx, const struct onnx_node *node, const char *name, int64_t otherwise,
	int64_t *value);
int onnx_float(struct onnx *onnx, const struct onnx_node *node, const char *name, float otherwise,
	float *value);
int onnx_string(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *otherwise, const char **value);
int onnx_attr(struct onnx *onnx, const struct onnx_node *node, const char *name, int type,
	const Onnx__AttributeProto **attr); // *attr NULL: not there
// Whole numbers of a constant input.
int onnx_input_ints(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t *count, const int64_t **values);
// The same, up to `most` of them.
int onnx_input_list(struct onnx *onnx, const struct onnx_node *node, uint32_t input, uint32_t most,
	uint32_t *count, const int64_t **values);
int onnx_input_float(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	float otherwise, float *value);

// onnx_emit.c: nodes of the graph.
// Adds a node whose one output has a name of its own making; GRAPH_NONE: refused, sentence made.
uint32_t onnx_emit(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_attrs, const struct attr *attrs);
// The same of two inputs; GRAPH_NONE among them: refused already.
uint32_t onnx_emit_pair(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a, uint32_t b);
// The same for a node of several outputs, 0 or a negative errno.
#define ONNX_EMIT_OUTPUTS 3
struct onnx_emission {
	enum op op;
	uint32_t n_inputs;
	const uint32_t *inputs;
	uint32_t n_attrs;
	const struct attr *attrs;
};
int onnx_emit_outputs(struct onnx *onnx, const struct onnx_node *node,
	const struct onnx_emission *emission, uint32_t n_outputs, uint32_t *outputs);
uint32_t onnx_emit_reshape(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t rank, const int64_t *dims);
// The node's inputs in one dtype: what is whole becomes float where another is.
int onnx_as_floats(struct onnx *onnx, const struct onnx_node *node);
// The node as one node of the graph, its first `n_inputs` inputs as floats.
int onnx_import_as(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	uint32_t n_attrs, const struct attr *attrs);
// Names `tensor` as the node's k-th output in the file.
int onnx_output(struct onnx *onnx, const struct onnx_node *node, uint32_t k, uint32_t tensor);

struct onnx_operator {
	const char *type;
	uint32_t inputs_min, inputs_max;
	int (*import)(struct onnx *onnx, const struct onnx_node *node);
};
extern const struct onnx_operator ONNX_OPERATORS[]; // ends in type NULL
extern const struct onnx_operator ONNX_ML_OPERATORS[];
// onnx_elementwise.c
int onnx_import_same(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_pair(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_mod(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_bit_shift(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_chain(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_arg(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_transpose(struct onnx *onnx, const struct onnx_node *node);
// onnx_reduce.c, onnx_gather.c, onnx_slices.c
int onnx_import_reduce(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_cum_sum(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_top_k(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_gather(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_gather_elements(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_gather_nd(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_scatter_elements(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_scatter_nd(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_one_hot(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_slice(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_split(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_pad(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_tile(struct onnx *onnx, const struct onnx_node *node);
// onnx_products.c, onnx_norms.c, onnx_shape_ops.c, onnx_constants.c
int onnx_import_gemm(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_prelu(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_softmax(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_log_softmax(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_batch_norm(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_layer_norm(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_reshape(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_flatten(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_squeeze(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_unsqueeze(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_constant(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_cast(struct onnx *onnx, const struct onnx_node *node);

// onnx_shape_values.c: what the shapes alone decide.
int onnx_import_shape(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_size(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_constant_of_shape(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_range(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_eye_like(struct onnx *onnx, const struct onnx_node *node);
// onnx_rewrites.c: what is written as other operators.
int onnx_import_cast_like(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_expand(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_trilu(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_depth_to_space(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_space_to_depth(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_thresholded_relu(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_shrink(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_hard_swish(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_celu(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_mish(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_is_inf(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_hardmax(struct onnx *onnx, const struct onnx_node *node);

// onnx_resize.c, onnx_more_norms.c
int onnx_import_resize(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_rms_norm(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_lp_norm(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_instance_norm(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_lrn(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_swish(struct onnx *onnx, const struct onnx_node *node);

// The shape that the file declares for a value, an open first dimension being the batch. False:
// none.
bool onnx_declared_shape(
	const struct onnx *onnx, const char *name, uint32_t *rank, int64_t dims[GRAPH_RANK_MAX]);
// onnx_conv.c, onnx_recurrent.c
int onnx_import_conv(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_conv_transpose(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_quantised_conv(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_pool(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_global_pool(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_recurrent(struct onnx *onnx, const struct onnx_node *node);
// onnx_einsum.c
int onnx_import_einsum(struct onnx *onnx, const struct onnx_node *node);
// onnx_quantise.c
int onnx_import_quantize_linear(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_dequantize_linear(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_dynamic_quantize_linear(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_quantised_product(struct onnx *onnx, const struct onnx_node *node);

// onnx_old_ops.c: before opset 7; nothing to do since. They change node->inputs or refuse.
// Operands of Add, Sub, Mul, Div as attributes "broadcast" and "axis" say.
int onnx_old_broadcast(struct onnx *onnx, const struct onnx_node *node);
// A slope of PRelu for each channel, dimension 1.
int onnx_old_slope(struct onnx *onnx, const struct onnx_node *node);
// Refuses what is_test = 0 says is for training.
int onnx_old_test_mode(struct onnx *onnx, const struct onnx_node *node);
