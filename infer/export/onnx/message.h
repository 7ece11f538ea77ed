// SPDX-License-Identifier: BSD-3-Clause
// An ONNX model while it is written: its nodes, constants and attributes, in one arena. Where memory runs out that
// is noted, and calls go on harmlessly: who makes the bytes looks once. One thread.
#pragma once

#include "infer/graph/graph.h"
#include <onnx.pb-c.h>

struct message {
	struct arena *arena;
	const struct graph *graph;
	Onnx__GraphProto *onnx;
	bool trees;         // an operator of ai.onnx.ml is among them
	bool out_of_memory; // something is missing
	uint32_t n_made;    // tensors that no tensor of the graph is
};

// False: out of memory.
bool message_begin(struct message *message, const struct graph *graph);
void message_fini(struct message *message);

// The name of a tensor of the graph; "" for GRAPH_NONE.
const char *message_tensor(const struct message *message, uint32_t tensor);
// A name that no tensor has.
const char *message_name(struct message *message);
// A constant; `data` must live until the bytes are made. Returns its name.
const char *message_constant(struct message *message, const char *name, enum dtype dtype,
	uint32_t rank, const int64_t *dims, const void *data);
const char *message_scalar(struct message *message, float value);

// A node; `output` NULL: one of its own. Returns its output's name.
const char *message_node(struct message *message, const char *type, uint32_t n_inputs,
	const char *const *inputs, const char *output);
// Attributes of the last node.
void message_int(struct message *message, const char *name, int64_t value);
void message_float(struct message *message, const char *name, float value);
void message_text(struct message *message, const char *name, const char *value);
void message_ints(struct message *message, const char *name, size_t n, const int64_t *values);
void message_floats(struct message *message, const char *name, size_t n, const float *values);
void message_texts(struct message *message, const char *name, size_t n, const char *const *values);
// More outputs of the last node.
void message_output(struct message *message, const char *name);
// The last node is one of ai.onnx.ml.
void message_is_ml(struct message *message);

// Inputs and outputs of the model; a `batch`: any number of rows.
void message_ports(struct message *message, bool batch);
// The bytes, malloc'ed. -ENOMEM, -EFBIG.
int message_pack(
	struct message *message, const char *name, void **bytes, size_t *size, struct error *err);
