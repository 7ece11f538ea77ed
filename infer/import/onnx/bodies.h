// SPDX-License-Identifier: BSD-3-Clause
// Graphs within nodes: the branches of If, the bodies of Loop and Scan. A body is imported anew for
// each round that it runs, with the tensors of that round under its own names, so that what depends
// on the round alone (counters, conditions, positions) folds. It sees the names around it.
//
// Enter, run as often as wanted, leave. 0, or a negative errno with the sentence made; after a
// refusal the import is over, and nothing needs to be left.
#pragma once

#include "infer/import/onnx/onnx.h"

struct onnx_body {
	const struct onnx_node *node; // that it belongs to
	const Onnx__GraphProto *proto;
	const char **names;         // [n_names] that it defines
	struct onnx_value *outside; // [n_names] what they mean around it
	size_t n_names;
	uint32_t rounds; // run so far
};

// The graph in the node's attribute `name`: its names are defined, its initialisers read.
int onnx_body_enter(
	struct onnx *onnx, const struct onnx_node *node, const char *name, struct onnx_body *body);
// One round. inputs: [body->proto->n_input] tensors; outputs: [body->proto->n_output].
int onnx_body_run(
	struct onnx *onnx, struct onnx_body *body, const uint32_t *inputs, uint32_t *outputs);
int onnx_body_leave(struct onnx *onnx, const struct onnx_body *body);
