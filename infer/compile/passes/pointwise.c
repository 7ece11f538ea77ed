// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/pointwise.h"

#include "infer/compile/copy.h"
#include "infer/ops/fold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// --- Finding -------------------------------------------------------------------------------------

static bool pointwise_is_operator(enum op op)
{
	switch (op) {
	case OP_IDENTITY:
	case OP_AFFINE:
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_POW:
	case OP_MIN:
	case OP_MAX:
	case OP_RELU:
	case OP_LEAKY_RELU:
	case OP_ELU:
	case OP_SELU:
	case OP_PRELU:
	case OP_SIGMOID:
	case OP_HARD_SIGMOID:
	case OP_TANH:
	case OP_SOFTPLUS:
	case OP_SOFTSIGN:
	case OP_GELU:
	case OP_CLIP:
	case OP_ABS:
	case OP_NEG:
	case OP_CEIL:
	case OP_FLOOR:
	case OP_ROUND:
	case OP_EXP:
	case OP_LOG:
	case OP_SQRT:
	case OP_RECIPROCAL:
	case OP_SIGN:
	case OP_ERF:
	case OP_SIN:
	case OP_COS:
	case OP_TAN:
	case OP_ASIN:
	case OP_ACOS:
	case OP_ATAN:
	case OP_SINH:
	case OP_COSH:
	case OP_ASINH:
	case OP_ACOSH:
	case OP_ATANH:
		return true;
	default:
		return false;
	}
}

static bool pointwise_is_alike(const struct tensor *a, const struct tensor *b)
{
	return a->dtype == DTYPE_F32 && b->dtype == DTYPE_F32 && a->rank == b->rank &&
		memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;
}

// A constant of float32 that is the same value throughout?
static bool pointwise_is_one_value(const struct tensor *tensor)
{
	const char *bytes = tensor->data;
	const int64_t count = tensor_elements(tensor);

	// Each is the one before it.
	return bytes && tensor->dtype == DTYPE_F32 && count >= 1 &&
		memcmp(bytes, bytes + sizeof(float), (size_t)(count - 1) * sizeof(float)) == 0;
}

// Does the node make each value of its output from the values of its inputs at the same place?
static bool pointwise_is_node(const struct graph *graph, const struct node *node)
{
	uint32_t computed = 0;

	if (!pointwise_is_operator(node->op) || node->n_outputs != 1)
		return false;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const struct tensor *x;

		if (node->inputs[i] == GRAPH_NONE)
			return false;
		x = &graph->tensors[node->inputs[i]];
		if (!x->data && !pointwise_is_alike(x, &graph->tensors[node->outputs[0]]))
			return false;
		if (x->data && !pointwise_is_one_value(x))
			return false;
		computed += !x->data;
	}
	return computed > 0;
}

// The tensors from which the nodes so far make the sink.
struct frontier {
	uint32_t of[POINTWISE_NODES_MAX + 1], n;
};

static bool frontier_add(struct frontier *frontier, uint32_t tensor)
{
	for (uint32_t i = 0; i < frontier->n; i++) {
		if (frontier->of[i] == tensor)
			return true;
	}
	if (frontier->n > POINTWISE_NODES_MAX)
		return false;
	frontier->of[frontier->n++] = tensor;
	return true;
}

// Takes away the tensor that is made last, and gives its node; GRAPH_NONE: none of them is made by a node.
static uint32_t frontier_take_last(struct frontier *frontier, const struct uses *uses)
{
	uint32_t last = GRAPH_NONE, node = GRAPH_NONE;

	for (uint32_t i = 0; i < frontier->n; i++) {
		const uint32_t producer = uses->producer[frontier->of[i]];

		if (producer != GRAPH_NONE && (node == GRAPH_NONE || producer > node)) {
			node = producer;
			last = i;
		}
	}
	if (node != GRAPH_NONE)
		frontier->of[last] = frontier->of[--frontier->n];
	return node;
}

// Does nobody but the nodes themselves read what they make on the way?
static bool pointwise_is_closed(
	const struct graph *graph, const struct uses *uses, const struct pointwise *p)
{
	for (uint32_t n = 1; n < p->n_nodes; n++) {
		const uint32_t made = graph->nodes[p->nodes[n]].outputs[0];
		uint32_t reads = 0;

		for (uint32_t r = 0; r < n; r++) {
			const struct node *reader = &graph->nodes[p->nodes[r]];

			for (uint32_t i = 0; i < reader->n_inputs; i++)
				reads += reader->inputs[i] == made;
		}
		if (reads != uses->count[made])
			return false;
	}
	return true;
}

bool pointwise_find(
	const struct graph *graph, const struct uses *uses, uint32_t sink, struct pointwise *p)
{
	struct frontier frontier = { .of = { sink }, .n = 1 };

	*p = (struct pointwise){ .source = GRAPH_NONE, .sink = sink };
	for (;;) {
		const uint32_t only = frontier.n == 1 ? frontier.of[0] : GRAPH_NONE;
		const uint32_t n = frontier_take_last(&frontier, uses);
		const struct node *node = n == GRAPH_NONE ? NULL : &graph->nodes[n];

		if (!node || !pointwise_is_node(graph, node)) {
			p->source = only;
			return only != GRAPH_NONE && p->n_nodes > 0 &&
				pointwise_is_alike(&graph->tensors[only], &graph->tensors[sink]) &&
				pointwise_is_closed(graph, uses, p);
		}
		if (p->n_nodes == POINTWISE_NODES_MAX)
			return false;
		p->nodes[p->n_nodes++] = n;
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (!graph->tensors[node->inputs[i]].data &&
				!frontier_add(&frontier, node->inputs[i]))
				return false;
		}
	}
}

// --- Computing -----------------------------------------------------------------------------------

// Tensors of the graph by those of a small one, where they are columns of `count` values.
struct column {
	uint32_t from[2 * POINTWISE_NODES_MAX], to[2 * POINTWISE_NODES_MAX], n;
};

static uint32_t column_of(const struct column *column, uint32_t tensor)
{
	for (uint32_t i = 0; i < column->n; i++) {
		if (column->from[i] == tensor)
			return column->to[i];
	}
	return GRAPH_NONE;
}

static uint32_t column_add(struct column *column, struct graph *small, uint32_t tensor,
	uint32_t count, const float *values, struct error *err)
{
	const int64_t dims[2] = { count, 1 };
	char name[16];
	uint32_t made;

	snprintf(name, sizeof(name), "t%u", small->n_tensors);
	made = graph_add_tensor(small, name, DTYPE_F32, 2, dims, values, err);
	column->from[column->n] = tensor;
	column->to[column->n++] = made;
	return made;
}

static int column_run_node(struct column *column, const struct graph *graph,
	const struct node *node, uint32_t count, struct graph *small, struct error *err)
{
	static const int64_t ONE[1] = { 1 };
	uint32_t inputs[4] = { 0 }, output;
	struct node copied = *node, *made;

	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const struct tensor *x = &graph->tensors[node->inputs[i]];
		char name[16];

		snprintf(name, sizeof(name), "c%u", small->n_tensors);
		inputs[i] = x->data ? graph_add_tensor(small, name, DTYPE_F32, 1, ONE, x->data, err)
				    : column_of(column, node->inputs[i]);
		if (inputs[i] == GRAPH_NONE)
			return err->code;
	}
	output = column_add(column, small, node->outputs[0], count, NULL, err);
	if (output == GRAPH_NONE)
		return err->code;
	copied.inputs = inputs;
	copied.outputs = &output;
	made = graph_copy_node(small, &copied, err);
	if (!made)
		return err->code;
	return op_fold(small, made, err) == 1
		? 0
		: error_set(err, -ENOMEM, "out of memory to compute '%s'", node->name);
}

int pointwise_values(const struct graph *graph, const struct pointwise *p, uint32_t count,
	const float *x, float *y, struct error *err)
{
	struct graph *small = graph_create();
	struct column column = { .n = 0 };
	int rc = 0;

	if (!small)
		return error_set(err, -ENOMEM, "out of memory for a table");
	if (column_add(&column, small, p->source, count, x, err) == GRAPH_NONE)
		rc = err->code;
	for (uint32_t n = p->n_nodes; n-- > 0 && rc == 0;)
		rc = column_run_node(&column, graph, &graph->nodes[p->nodes[n]], count, small, err);
	if (rc == 0)
		memcpy(y, small->tensors[column_of(&column, p->sink)].data, count * sizeof(*y));
	graph_destroy(small);
	return rc;
}

uint8_t pointwise_byte(const struct quantum *quantum, float x)
{
	const float low = quantum->dtype == DTYPE_I8 ? -128.0f : 0.0f, high = low + 255.0f;
	float q = nearbyintf(x / quantum->scale) + (float)quantum->zero;

	q = q > low ? q : q <= low ? low : 0.0f;
	q = q < high ? q : high;
	return (uint8_t)(int32_t)q;
}

int pointwise_table(const struct graph *graph, const struct pointwise *p, const struct quantum *in,
	const struct quantum *out, uint8_t *table, struct error *err)
{
	float x[POINTWISE_TABLE], y[POINTWISE_TABLE];
	int rc;

	for (int32_t b = 0; b < POINTWISE_TABLE; b++)
		x[b] = (float)((in->dtype == DTYPE_I8 ? (int8_t)b : b) - in->zero) * in->scale;
	rc = pointwise_values(graph, p, POINTWISE_TABLE, x, y, err);
	for (int32_t b = 0; b < POINTWISE_TABLE && rc == 0; b++)
		table[b] = pointwise_byte(out, y[b]);
	return rc;
}
