// SPDX-License-Identifier: BSD-3-Clause
#include "infer/ops/check.h"

#include "infer/ops/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int graph_check_attrs(const struct node *node, struct error *err)
{
	uint64_t seen = 0;

	_Static_assert(ATTR_KEY_COUNT <= 64, "seen has a bit for each key");
	for (uint32_t a = 0; a < node->n_attrs; a++) {
		const struct attr *attr = &node->attrs[a];

		if ((unsigned)attr->key >= ATTR_KEY_COUNT)
			return error_set(err, -EINVAL, "attribute %" PRIu32 " has unknown key %u",
				a, (unsigned)attr->key);
		if (seen >> attr->key & 1)
			return error_set(err, -EINVAL, "attribute \"%s\" is given twice",
				attr_name(attr->key));
		if (attr->kind != attr_kind(attr->key))
			return error_set(err, -EINVAL, "attribute \"%s\" is of the wrong kind",
				attr_name(attr->key));
		seen |= UINT64_C(1) << attr->key;
	}
	return 0;
}

static int graph_check_tensors(const struct graph *graph, bool *defined, struct error *err)
{
	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		const struct tensor *tensor = &graph->tensors[t];

		if (!tensor->name)
			return error_set(err, -EINVAL, "tensor %" PRIu32 " has no name", t);
		if (tensor_check_shape(tensor, err) != 0)
			return error_prefix(err, "tensor \"%s\"", tensor->name);
		defined[t] = tensor->data != NULL;
	}
	return 0;
}

// Checks the model's inputs or outputs: float32, adjacent in the row, `columns` columns in all.
static int graph_check_ports(const struct graph *graph, const struct graph_port *ports,
	uint32_t n_ports, uint32_t columns, const char *what, struct error *err)
{
	uint64_t column = 0;

	if (n_ports == 0)
		return error_set(err, -EINVAL, "the model has no %s", what);
	for (uint32_t p = 0; p < n_ports; p++) {
		const struct tensor *tensor;

		if (ports[p].tensor >= graph->n_tensors)
			return error_set(err, -EINVAL,
				"%s %" PRIu32 " names tensor %" PRIu32 " of %" PRIu32, what, p,
				ports[p].tensor, graph->n_tensors);
		tensor = &graph->tensors[ports[p].tensor];
		if (tensor->dtype != DTYPE_F32)
			return error_set(err, -EINVAL, "%s \"%s\" is %s, a row holds float32", what,
				tensor->name, dtype_name(tensor->dtype));
		if (ports[p].first_column != column)
			return error_set(err, -EINVAL,
				"%s \"%s\" starts at column %" PRIu32 " of the row, not at %" PRIu64
				" where the one before ends",
				what, tensor->name, ports[p].first_column, column);
		column += (uint64_t)tensor_elements(tensor);
		if (column > columns)
			break;
	}
	if (column != columns)
		return error_set(err, -EINVAL, "the columns of the %ss do not add up to %" PRIu32,
			what, columns);
	return 0;
}

static int graph_check_define(
	const struct graph *graph, bool *defined, uint32_t t, struct error *err)
{
	if (defined[t])
		return error_set(err, -EINVAL,
			"tensor \"%s\" has two sources; it must be an input, a constant or the "
			"output of one node",
			graph->tensors[t].name);
	defined[t] = true;
	return 0;
}

static bool graph_check_same_shape(const struct tensor *a, const struct tensor *b)
{
	return a->dtype == b->dtype && a->rank == b->rank &&
		memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;
}

static int graph_check_outputs(const struct graph *graph, const struct node *node, bool *defined,
	const struct tensor *inferred, struct error *err)
{
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		const struct tensor *tensor;

		if (node->outputs[o] == GRAPH_NONE)
			continue;
		tensor = &graph->tensors[node->outputs[o]];
		if (graph_check_define(graph, defined, node->outputs[o], err) != 0)
			return -EINVAL;
		if (!graph_check_same_shape(tensor, &inferred[o]))
			return error_set(err, -EINVAL,
				"output \"%s\" says %s %s where the inputs give %s %s",
				tensor->name, dtype_name(tensor->dtype),
				tensor_shape_text(tensor).text, dtype_name(inferred[o].dtype),
				tensor_shape_text(&inferred[o]).text);
	}
	return 0;
}

static int graph_check_node(const struct graph *graph, const struct node *node, bool *defined,
	struct tensor *inferred, struct error *err)
{
	int rc = graph_check_attrs(node, err);

	if (rc == 0)
		rc = op_infer(graph, node, inferred, err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		uint32_t t = node->inputs[i];

		if (t != GRAPH_NONE && !defined[t])
			return error_set(err, -EINVAL,
				"input \"%s\" comes from no input, constant or earlier node (a "
				"cycle, or a dangling name)",
				graph->tensors[t].name);
	}
	return graph_check_outputs(graph, node, defined, inferred, err);
}

static int graph_check_nodes(const struct graph *graph, bool *defined, struct error *err)
{
	struct tensor *inferred = calloc(GRAPH_NODE_IO_MAX, sizeof(*inferred));
	int rc = 0;

	if (!inferred)
		return error_set(err, -ENOMEM, "no memory to check the graph");
	for (uint32_t n = 0; n < graph->n_nodes && rc == 0; n++) {
		const struct node *node = &graph->nodes[n];

		if (!node->name) {
			rc = error_set(err, -EINVAL, "node %" PRIu32 " has no name", n);
			break;
		}
		rc = graph_check_node(graph, node, defined, inferred, err);
		if (rc != 0)
			error_prefix(err, "node \"%s\" (%s)", node->name, op_name(node->op));
	}
	free(inferred);
	return rc;
}

static int graph_check_all(const struct graph *graph, bool *defined, struct error *err)
{
	int rc = graph_check_tensors(graph, defined, err);

	if (rc == 0)
		rc = graph_check_ports(
			graph, graph->inputs, graph->n_inputs, graph->n_features, "input", err);
	for (uint32_t i = 0; i < graph->n_inputs && rc == 0; i++)
		rc = graph_check_define(graph, defined, graph->inputs[i].tensor, err);
	if (rc == 0)
		rc = graph_check_nodes(graph, defined, err);
	if (rc == 0)
		rc = graph_check_ports(graph, graph->outputs, graph->n_outputs,
			graph->n_columns_out, "output", err);
	for (uint32_t o = 0; o < graph->n_outputs && rc == 0; o++) {
		if (!defined[graph->outputs[o].tensor])
			rc = error_set(err, -EINVAL, "output \"%s\" is computed by no node",
				graph->tensors[graph->outputs[o].tensor].name);
	}
	return rc;
}

int graph_check(const struct graph *graph, struct error *err)
{
	bool *defined;
	int rc;

	if (graph->n_tensors > GRAPH_TENSORS_MAX || graph->n_nodes > GRAPH_NODES_MAX ||
		graph->n_inputs > GRAPH_NODE_IO_MAX || graph->n_outputs > GRAPH_NODE_IO_MAX)
		return error_set(err, -EINVAL,
			"the model is too big: %" PRIu32 " tensors, %" PRIu32 " nodes, %" PRIu32
			" inputs, %" PRIu32 " outputs where %u, %u, %d, %d are supported",
			graph->n_tensors, graph->n_nodes, graph->n_inputs, graph->n_outputs,
			GRAPH_TENSORS_MAX, GRAPH_NODES_MAX, GRAPH_NODE_IO_MAX, GRAPH_NODE_IO_MAX);
	defined = calloc((size_t)graph->n_tensors + 1, sizeof(*defined));
	if (!defined)
		return error_set(err, -ENOMEM, "no memory to check the graph");
	rc = graph_check_all(graph, defined, err);
	free(defined);
	return rc;
}

bool graph_rounds(const struct graph *graph)
{
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		if (node->op == OP_QUANTIZE_LINEAR || node->op == OP_DYNAMIC_QUANTIZE_LINEAR ||
			node->op == OP_QRECURRENT ||
			(node->op == OP_DENSE &&
				graph->tensors[node->inputs[1]].dtype == DTYPE_BF16))
			return true;
	}
	return false;
}
