// SPDX-License-Identifier: BSD-3-Clause
// What each operator means, by its number: its shape rule and its plain form.
#pragma once

#include "infer/ops/plain.h"

// Output shapes and dtypes of one node from its inputs (and constant inputs' values, as Reshape
// needs). Used by importers to give tensors shapes and by graph_check() to verify them.
// outputs: [node->n_outputs], dims, rank and dtype filled. -EINVAL, also for an unknown operator.
int op_infer(const struct graph *graph, const struct node *node, struct tensor *outputs,
	struct error *err);

const struct plain_op *op_plain(enum op op);
