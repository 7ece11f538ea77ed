// SPDX-License-Identifier: BSD-3-Clause
#include "infer/export/onnx/write.h"

#include "infer/export/onnx/message.h"
#include "infer/export/onnx/trees.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"

#include <inttypes.h>
#include <math.h>

// Writes a node. 0 or -ENOTSUP, -ENOMEM; the sentence is without the node's name.
typedef int write_node(struct message *message, const struct node *node, struct error *err);

static const char *write_input(const struct message *message, const struct node *node, uint32_t i)
{
	return message_tensor(message, i < node->n_inputs ? node->inputs[i] : GRAPH_NONE);
}

// --- Activations ---------------------------------------------------------------------------------

static const char *write_pair(
	struct message *message, const char *type, const char *a, const char *b, const char *output)
{
	const char *const inputs[2] = { a, b };

	return message_node(message, type, 2, inputs, output);
}

// x / 2 * (1 + f), which opset 17 has no operator of its own for.
static void write_gelu(
	struct message *message, enum activation kind, const char *x, const char *output)
{
	const char *half = write_pair(message, "Mul", x, message_scalar(message, 0.5F), NULL);
	const char *f;

	if (kind == ACTIVATION_GELU) {
		f = write_pair(message, "Mul", x, message_scalar(message, (float)M_SQRT1_2), NULL);
		f = message_node(message, "Erf", 1, &f, NULL);
	} else {
		f = write_pair(message, "Mul", x, x, NULL);
		f = write_pair(message, "Mul", f, x, NULL);
		f = write_pair(message, "Mul", f, message_scalar(message, 0.044715F), NULL);
		f = write_pair(message, "Add", f, x, NULL);
		f = write_pair(message, "Mul", f,
			message_scalar(message, (float)(M_SQRT1_2 * M_2_SQRTPI)), NULL);
		f = message_node(message, "Tanh", 1, &f, NULL);
	}
	f = write_pair(message, "Add", f, message_scalar(message, 1), NULL);
	write_pair(message, "Mul", half, f, output);
}

static void write_act(
	struct message *message, const struct act *act, const char *x, const char *output)
{
	static const char *const TYPE[ACTIVATION_COUNT] = { "Identity", "Relu", "LeakyRelu", "Clip",
		"Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu", "Softplus", "Softsign", NULL,
		NULL };
	const char *inputs[3] = { x, NULL, NULL };

	if (act->kind == ACTIVATION_GELU || act->kind == ACTIVATION_GELU_TANH) {
		write_gelu(message, act->kind, x, output);
		return;
	}
	if (act->kind == ACTIVATION_CLIP) {
		inputs[1] = message_scalar(message, act->alpha);
		inputs[2] = message_scalar(message, act->beta);
	}
	message_node(
		message, TYPE[act->kind], act->kind == ACTIVATION_CLIP ? 3 : 1, inputs, output);
	if (act->kind == ACTIVATION_LEAKY_RELU || act->kind == ACTIVATION_ELU ||
		act->kind == ACTIVATION_HARD_SIGMOID || act->kind == ACTIVATION_SELU)
		message_float(message, "alpha", act->alpha);
	if (act->kind == ACTIVATION_HARD_SIGMOID)
		message_float(message, "beta", act->beta);
	if (act->kind == ACTIVATION_SELU)
		message_float(message, "gamma", act->beta);
}

static int write_activation(struct message *message, const struct node *node, struct error *err)
{
	const struct act act = act_of_operator(node);

	write_act(message, &act, write_input(message, node, 0),
		message_tensor(message, node->outputs[0]));
	return 0;
}

// --- Layers --------------------------------------------------------------------------------------

// What the last of a layer's operators gives: its output, or what its activation takes.
static const char *write_before_act(struct message *message, const struct node *node)
{
	return act_of_attributes(node).kind == ACTIVATION_NONE
		? message_tensor(message, node->outputs[0])
		: message_name(message);
}

static void write_act_of(struct message *message, const struct node *node, const char *sums)
{
	const struct act act = act_of_attributes(node);

	if (act.kind != ACTIVATION_NONE)
		write_act(message, &act, sums, message_tensor(message, node->outputs[0]));
}

static int write_dense(struct message *message, const struct node *node, struct error *err)
{
	const struct graph *graph = message->graph;
	const bool bias = node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE;
	const char *const inputs[3] = { write_input(message, node, 0),
		write_input(message, node, 1), write_input(message, node, 2) };
	const char *sums = write_before_act(message, node);

	if (graph->tensors[node->inputs[1]].dtype != DTYPE_F32)
		return error_set(err, -ENOTSUP, "its weights are %s, only float32 is written",
			dtype_name(graph->tensors[node->inputs[1]].dtype));
	if (graph->tensors[node->inputs[0]].rank == 2)
		message_node(message, "Gemm", bias ? 3 : 2, inputs, sums);
	else if (!bias)
		message_node(message, "MatMul", 2, inputs, sums);
	else
		write_pair(message, "Add", message_node(message, "MatMul", 2, inputs, NULL),
			inputs[2], sums);
	write_act_of(message, node, sums);
	return 0;
}

static int write_affine(struct message *message, const struct node *node, struct error *err)
{
	const char *scaled = write_pair(
		message, "Mul", write_input(message, node, 0), write_input(message, node, 1), NULL);
	const char *sums = write_before_act(message, node);

	write_pair(message, "Add", scaled, write_input(message, node, 2), sums);
	write_act_of(message, node, sums);
	return 0;
}

// --- Operators that ONNX has by the same name ----------------------------------------------------

static int write_same(struct message *message, const struct node *node, struct error *err)
{
	const char *inputs[8];

	for (uint32_t i = 0; i < node->n_inputs; i++)
		inputs[i] = write_input(message, node, i);
	message_node(message, op_name(node->op), node->n_inputs, inputs,
		message_tensor(message, node->outputs[0]));
	return 0;
}

static int write_with_axis(struct message *message, const struct node *node, struct error *err)
{
	const bool softmax = node->op == OP_SOFTMAX || node->op == OP_LOG_SOFTMAX;

	write_same(message, node, err);
	message_int(message, "axis", node_int(node, ATTR_AXIS, softmax ? -1 : 0));
	return 0;
}

static int write_cast(struct message *message, const struct node *node, struct error *err)
{
	const enum dtype to = message->graph->tensors[node->outputs[0]].dtype;

	if (to != DTYPE_F32)
		return error_set(err, -ENOTSUP, "a cast to %s is not written", dtype_name(to));
	write_same(message, node, err);
	message_int(message, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
	return 0;
}

static int write_concat(struct message *message, const struct node *node, struct error *err)
{
	const char **inputs = arena_calloc(message->arena, node->n_inputs, sizeof(*inputs));

	if (!inputs)
		return error_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < node->n_inputs; i++)
		inputs[i] = write_input(message, node, i);
	message_node(message, "Concat", node->n_inputs, inputs,
		message_tensor(message, node->outputs[0]));
	message_int(message, "axis", node_int(node, ATTR_AXIS, 0));
	return 0;
}

static int write_reshape(struct message *message, const struct node *node, struct error *err)
{
	const struct tensor *y = &message->graph->tensors[node->outputs[0]];
	const char *inputs[2] = { write_input(message, node, 0), NULL };
	int64_t *dim = arena_calloc(message->arena, 1, sizeof(*dim));

	if (!dim)
		return error_set(err, -ENOMEM, "out of memory");
	*dim = y->rank;
	inputs[1] = message_constant(message, message_name(message), DTYPE_I64, 1, dim, y->dims);
	message_node(message, "Reshape", 2, inputs, message_tensor(message, node->outputs[0]));
	return 0;
}

// --- RNN, GRU, LSTM ------------------------------------------------------------------------------

static const char *const RECURRENT_NAME[RECURRENT_COUNT] = {
	[RECURRENT_RELU] = "Relu",
	[RECURRENT_TANH] = "Tanh",
	[RECURRENT_SIGMOID] = "Sigmoid",
	[RECURRENT_AFFINE] = "Affine",
	[RECURRENT_LEAKY_RELU] = "LeakyRelu",
	[RECURRENT_THRESHOLDED_RELU] = "ThresholdedRelu",
	[RECURRENT_SCALED_TANH] = "ScaledTanh",
	[RECURRENT_HARD_SIGMOID] = "HardSigmoid",
	[RECURRENT_ELU] = "Elu",
	[RECURRENT_SOFTSIGN] = "Softsign",
	[RECURRENT_SOFTPLUS] = "Softplus",
};

static int write_recurrent_attrs(
	struct message *message, const struct node *node, struct error *err)
{
	static const char *const DIRECTION[] = { "forward", "reverse", "bidirectional" };
	const struct tensor *r = &message->graph->tensors[node->inputs[2]];
	const struct attr *acts = node_attr(node, ATTR_ACTIVATIONS);
	const struct attr *alphas = node_attr(node, ATTR_ALPHAS),
			  *betas = node_attr(node, ATTR_BETAS);
	const char **names = arena_calloc(message->arena, 8, sizeof(*names));

	if (!names)
		return error_set(err, -ENOMEM, "out of memory");
	message_int(message, "hidden_size", r->dims[r->rank - 1]);
	message_text(
		message, "direction", DIRECTION[node_int(node, ATTR_DIRECTION, DIRECTION_FORWARD)]);
	for (uint32_t i = 0; acts && i < acts->count && i < 8; i++)
		names[i] = RECURRENT_NAME[acts->ints[i]];
	if (acts)
		message_texts(message, "activations", acts->count, names);
	if (alphas)
		message_floats(message, "activation_alpha", alphas->count, alphas->floats);
	if (betas)
		message_floats(message, "activation_beta", betas->count, betas->floats);
	if (node_float(node, ATTR_CLIP, 0) > 0)
		message_float(message, "clip", node_float(node, ATTR_CLIP, 0));
	if (node->op == OP_GRU)
		message_int(message, "linear_before_reset",
			node_int(node, ATTR_LINEAR_BEFORE_RESET, 0));
	if (node->op == OP_LSTM && node_int(node, ATTR_INPUT_FORGET, 0))
		message_int(message, "input_forget", 1);
	if (node_int(node, ATTR_LAYOUT, 0))
		message_int(message, "layout", 1);
	return 0;
}

static int write_recurrent(struct message *message, const struct node *node, struct error *err)
{
	const char *inputs[8];

	for (uint32_t i = 0; i < node->n_inputs; i++)
		inputs[i] = write_input(message, node, i);
	message_node(message, op_name(node->op), node->n_inputs, inputs,
		message_tensor(message, node->outputs[0]));
	for (uint32_t i = 1; i < node->n_outputs; i++)
		message_output(message, message_tensor(message, node->outputs[i]));
	return write_recurrent_attrs(message, node, err);
}

// --- The table -----------------------------------------------------------------------------------

struct writer {
	write_node *write; // NULL: ONNX has no such operator, or it is not written
	bool one_row;      // what it does depends on how many rows there are
};

// To add an operator: a line here, and what writes it above.
static const struct writer WRITERS[OP_COUNT] = {
	[OP_DENSE] = { write_dense, false },
	[OP_AFFINE] = { write_affine, false },
	[OP_TREES] = { onnx_write_trees, false },
	[OP_ADD] = { write_same, false },
	[OP_SUB] = { write_same, false },
	[OP_MUL] = { write_same, false },
	[OP_DIV] = { write_same, false },
	[OP_MIN] = { write_same, false },
	[OP_MAX] = { write_same, false },
	[OP_POW] = { write_same, false },
	[OP_EQUAL] = { write_same, false },
	[OP_IS_NAN] = { write_same, false },
	[OP_WHERE] = { write_same, false },
	[OP_CAST] = { write_cast, false },
	[OP_IDENTITY] = { write_same, false },
	[OP_ABS] = { write_same, false },
	[OP_NEG] = { write_same, false },
	[OP_EXP] = { write_same, false },
	[OP_LOG] = { write_same, false },
	[OP_SQRT] = { write_same, false },
	[OP_ERF] = { write_same, false },
	[OP_RECIPROCAL] = { write_same, false },
	[OP_RELU] = { write_activation, false },
	[OP_LEAKY_RELU] = { write_activation, false },
	[OP_ELU] = { write_activation, false },
	[OP_SELU] = { write_activation, false },
	[OP_SIGMOID] = { write_activation, false },
	[OP_HARD_SIGMOID] = { write_activation, false },
	[OP_TANH] = { write_activation, false },
	[OP_SOFTPLUS] = { write_activation, false },
	[OP_SOFTSIGN] = { write_activation, false },
	[OP_GELU] = { write_activation, false },
	[OP_CLIP] = { write_activation, false },
	[OP_SOFTMAX] = { write_with_axis, false },
	[OP_LOG_SOFTMAX] = { write_with_axis, false },
	[OP_GATHER] = { write_with_axis, false },
	[OP_CONCAT] = { write_concat, false },
	[OP_RESHAPE] = { write_reshape, true },
	[OP_RNN] = { write_recurrent, true },
	[OP_GRU] = { write_recurrent, true },
	[OP_LSTM] = { write_recurrent, true },
};

// Constants that operators other than Trees read; those become attributes.
static int write_constants(struct message *message, struct error *err)
{
	const struct graph *graph = message->graph;
	bool *wanted = arena_calloc(message->arena, graph->n_tensors + 1, sizeof(*wanted));

	if (!wanted)
		return error_set(err, -ENOMEM, "out of memory");
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];
		const uint32_t end = node->op == OP_TREES ? 1 : node->n_inputs;

		for (uint32_t i = 0; i < end; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				wanted[node->inputs[i]] = true;
		}
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		const struct tensor *tensor = &graph->tensors[t];

		if (!wanted[t] || !tensor->data)
			continue;
		if (tensor->dtype != DTYPE_F32 && tensor->dtype != DTYPE_I64 &&
			tensor->dtype != DTYPE_I32)
			return error_set(err, -ENOTSUP, "constant %s is %s, which is not written",
				tensor->name, dtype_name(tensor->dtype));
		message_constant(message, tensor->name, tensor->dtype, tensor->rank, tensor->dims,
			tensor->data);
	}
	return 0;
}

static int write_nodes(struct message *message, bool *one_row, struct error *err)
{
	for (uint32_t n = 0; n < message->graph->n_nodes; n++) {
		const struct node *node = &message->graph->nodes[n];
		const struct writer *writer = &WRITERS[node->op];
		int rc = writer->write ? writer->write(message, node, err)
				       : error_set(err, -ENOTSUP, "it has no operator of ONNX");

		if (rc != 0)
			return error_prefix(err, "node %s (%s)", node->name, op_name(node->op));
		*one_row = *one_row || writer->one_row;
	}
	return 0;
}

int onnx_write(const struct graph *graph, void **bytes, size_t *size, struct error *err)
{
	struct message message;
	bool one_row = false;
	int rc = message_begin(&message, graph) ? 0 : error_set(err, -ENOMEM, "out of memory");

	*bytes = NULL;
	*size = 0;
	if (rc == 0)
		rc = write_constants(&message, err);
	if (rc == 0)
		rc = write_nodes(&message, &one_row, err);
	if (rc == 0) {
		message_ports(&message, !one_row);
		rc = message_pack(
			&message, graph->name ? graph->name : "martlet", bytes, size, err);
	}
	message_fini(&message);
	return rc;
}
