// SPDX-License-Identifier: BSD-3-Clause
// What is computed of one tree's scores alone depends on the leaf and on nothing else: it is computed
// here, once for each leaf, by its plain form, and becomes what the leaf weighs. So do the lookups by
// which an isolation forest's leaves become lengths of paths, and the transforms after a single tree.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/ops/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES_MAX   65536
#define ELEMENTS_MAX 4096                // of a value at a leaf
#define TARGETS_MAX  16                  // of a value that may become a weight
#define BYTES_MAX    ((size_t)512 << 20) // of all values at a time
#define CALL_IO_MAX  64                  // inputs, or outputs, of a node that is followed
#define WORK_MAX     ((uint64_t)1 << 30)

struct leaf_tables {
	struct graph *graph;
	struct error *err;
	uint32_t n_tensors;
	uint32_t *tree; // [n_tensors] node of the one tree that the tensor's value depends on
	char **values;  // [n_tensors] the value at each leaf of that tree
	bool *wanted;   // [n_tensors] by what stays
	uint32_t *left; // [n_tensors] readers that have not been looked at
	uint64_t work;
	size_t bytes;
	bool no_memory; // somewhere below: tables_fill() makes the error of it
};

static uint32_t tables_leaves(const struct leaf_tables *l, uint32_t tree)
{
	const uint32_t first = l->graph->nodes[tree].inputs[TREES_WEIGHT_FIRST];

	return (uint32_t)l->graph->tensors[first].dims[0] - 1;
}

static bool tables_fit(const struct tensor *tensor, int64_t most)
{
	const int64_t n = tensor_elements(tensor);

	return !tensor->data && n >= 1 && n <= most;
}

// Of the form that scores of trees have.
static bool tables_is_score(const struct tensor *y)
{
	return y->dtype == DTYPE_F32 && y->rank == 2 && y->dims[0] == 1 &&
		tables_fit(y, TARGETS_MAX);
}

// Memory for a tensor's values; NULL: none, or too much is taken already.
static char *tables_take(struct leaf_tables *l, uint32_t tensor, uint32_t leaves)
{
	const size_t bytes = tensor_bytes(&l->graph->tensors[tensor]) * leaves;

	if (bytes > BYTES_MAX - l->bytes)
		return NULL;
	l->values[tensor] = calloc(leaves, bytes / leaves);
	l->no_memory |= !l->values[tensor];
	l->bytes += l->values[tensor] ? bytes : 0;
	return l->values[tensor];
}

// The reader of these inputs has been looked at: what nobody reads any more goes, if it is no score.
static void tables_let_go(struct leaf_tables *l, const struct node *node)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const uint32_t input = node->inputs[i];

		if (input == GRAPH_NONE || --l->left[input] > 0 || !l->values[input] ||
			tables_is_score(&l->graph->tensors[input]))
			continue;
		l->bytes -=
			tensor_bytes(&l->graph->tensors[input]) * tables_leaves(l, l->tree[input]);
		free(l->values[input]);
		l->values[input] = NULL;
	}
}

// Values at the leaves of a node that is one tree with constant leaves.
static int tables_begin(struct leaf_tables *l, uint32_t n)
{
	const struct node *node = &l->graph->nodes[n];
	const uint32_t output = node->outputs[0];
	struct trees t;
	float *values;

	trees_of_node(l->graph, node, &t);
	if (t.n_trees != 1 || t.linear_first || t.aggregate != TREES_SUM ||
		t.n_leaves > LEAVES_MAX || !tables_fit(&l->graph->tensors[output], TARGETS_MAX) ||
		tensor_elements(&l->graph->tensors[output]) != t.n_targets)
		return 0;
	values = (float *)(void *)tables_take(l, output, t.n_leaves);
	if (!values)
		return 0;
	for (uint32_t leaf = 0; leaf < t.n_leaves; leaf++) {
		float *y = values + (size_t)leaf * t.n_targets;

		for (int32_t w = t.weight_first[leaf]; w < t.weight_first[leaf + 1]; w++)
			y[t.weight_target[w]] += t.weight[w];
		for (uint32_t k = 0; k < t.n_targets; k++)
			y[k] += t.base[k];
	}
	l->tree[output] = n;
	return 0;
}

// The one tree that all inputs depend on which are not constant, or GRAPH_NONE.
static uint32_t tables_tree_of(const struct leaf_tables *l, const struct node *node)
{
	uint32_t tree = GRAPH_NONE;

	if (node->n_inputs > CALL_IO_MAX || node->n_outputs == 0 || node->n_outputs > CALL_IO_MAX)
		return GRAPH_NONE;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const uint32_t input = node->inputs[i];

		if (input == GRAPH_NONE || l->graph->tensors[input].data)
			continue;
		if (l->tree[input] == GRAPH_NONE || !l->values[input] ||
			(tree != GRAPH_NONE && tree != l->tree[input]))
			return GRAPH_NONE;
		tree = l->tree[input];
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (node->outputs[o] != GRAPH_NONE &&
			!tables_fit(&l->graph->tensors[node->outputs[o]], ELEMENTS_MAX))
			return GRAPH_NONE;
	}
	return tree;
}

// Arguments of the plain form, which is called once for each leaf.
struct leaf_call {
	struct tensor in[CALL_IO_MAX], out[CALL_IO_MAX];
	const char *x[CALL_IO_MAX];
	char *y[CALL_IO_MAX];
	size_t x_step[CALL_IO_MAX], y_step[CALL_IO_MAX]; // bytes from leaf to leaf
};

// False: there is no memory for the values.
static bool tables_prepare(
	struct leaf_tables *l, const struct node *node, uint32_t leaves, struct leaf_call *call)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			continue;
		call->in[i] = l->graph->tensors[node->inputs[i]];
		call->x[i] = call->in[i].data ? call->in[i].data : l->values[node->inputs[i]];
		call->x_step[i] = call->in[i].data ? 0 : tensor_bytes(&call->in[i]);
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (node->outputs[o] == GRAPH_NONE)
			continue;
		call->out[o] = l->graph->tensors[node->outputs[o]];
		call->y_step[o] = tensor_bytes(&call->out[o]);
		call->y[o] = tables_take(l, node->outputs[o], leaves);
		if (!call->y[o])
			return false;
	}
	return true;
}

static void tables_run(const struct plain_op *op, const struct plain *plain,
	const struct leaf_call *call, uint32_t leaves, void *scratch)
{
	const void *x[CALL_IO_MAX];
	void *y[CALL_IO_MAX];

	for (uint32_t leaf = 0; leaf < leaves; leaf++) {
		for (uint32_t i = 0; i < plain->n_in; i++)
			x[i] = call->x[i] ? call->x[i] + leaf * call->x_step[i] : NULL;
		for (uint32_t o = 0; o < plain->n_out; o++)
			y[o] = call->y[o] ? call->y[o] + leaf * call->y_step[o] : NULL;
		op->run(plain, x, y, scratch);
	}
}

static uint64_t tables_work(const struct plain_op *op, const struct plain *plain)
{
	uint64_t values = 1 + (op->work ? op->work(plain) : 0);

	for (uint32_t i = 0; i < plain->n_in; i++)
		values += (uint64_t)tensor_elements(&plain->in[i]);
	for (uint32_t o = 0; o < plain->n_out; o++)
		values += (uint64_t)tensor_elements(&plain->out[o]);
	return values;
}

// The values at each leaf of what the node computes of them. Those that would take too long have none.
static int tables_follow(struct leaf_tables *l, const struct node *node, uint32_t tree)
{
	const struct plain_op *op = op_plain(node->op);
	const uint32_t leaves = tables_leaves(l, tree);
	struct leaf_call *call = calloc(1, sizeof(*call));
	struct plain plain = { .node = node, .n_in = node->n_inputs, .n_out = node->n_outputs };
	void *scratch = NULL;
	uint64_t work;

	if (!call)
		return error_set(l->err, -ENOMEM, "out of memory for the leaves of a tree");
	plain.in = call->in;
	plain.out = call->out;
	if (tables_prepare(l, node, leaves, call)) {
		work = tables_work(op, &plain) * leaves;
		scratch = malloc((op->scratch_bytes ? op->scratch_bytes(&plain) : 0) + 1);
		l->no_memory |= !scratch;
		if (scratch && work <= WORK_MAX - l->work) {
			l->work += work;
			tables_run(op, &plain, call, leaves, scratch);
			for (uint32_t o = 0; o < node->n_outputs; o++) {
				if (node->outputs[o] != GRAPH_NONE)
					l->tree[node->outputs[o]] = tree;
			}
		}
	}
	free(scratch);
	free(call);
	return 0;
}

static int tables_fill(struct leaf_tables *l)
{
	int rc = 0;

	for (uint32_t n = 0; n < l->graph->n_nodes && rc == 0; n++) {
		const struct node *node = &l->graph->nodes[n];
		uint32_t tree;

		if (node->n_outputs == 0) // folded, and not yet taken away
			continue;
		if (node->op == OP_TREES) {
			rc = tables_begin(l, n);
			continue;
		}
		tree = tables_tree_of(l, node);
		if (tree != GRAPH_NONE)
			rc = tables_follow(l, node, tree);
		tables_let_go(l, node);
	}
	if (rc == 0 && l->no_memory)
		rc = error_set(l->err, -ENOMEM, "out of memory for the leaves of trees");
	return rc;
}

// The node becomes its tree, with other weights.
static int tables_make_tree(struct leaf_tables *l, struct node *node)
{
	const uint32_t output = node->outputs[0];
	const struct node tree = l->graph->nodes[l->tree[output]];
	const uint32_t leaves = tables_leaves(l, l->tree[output]);
	const uint32_t targets = (uint32_t)tensor_elements(&l->graph->tensors[output]);
	const int64_t weights = (int64_t)leaves * targets;
	const char *stem = node->name;
	uint32_t inputs[TREES_INPUT_COUNT];
	void *first, *target, *weight, *base;

	memcpy(inputs, tree.inputs, tree.n_inputs * sizeof(*inputs));
	inputs[TREES_WEIGHT_FIRST] = pass_constant_of(
		l->graph, stem, DTYPE_I32, 1, (int64_t)leaves + 1, 0, &first, l->err);
	inputs[TREES_WEIGHT_TARGET] =
		pass_constant_of(l->graph, stem, DTYPE_I32, 1, weights, 0, &target, l->err);
	inputs[TREES_WEIGHT] =
		pass_constant_of(l->graph, stem, DTYPE_F32, 1, weights, 0, &weight, l->err);
	inputs[TREES_BASE] =
		pass_constant_of(l->graph, stem, DTYPE_F32, 1, targets, 0, &base, l->err);
	if (inputs[TREES_WEIGHT_FIRST] == GRAPH_NONE || inputs[TREES_WEIGHT_TARGET] == GRAPH_NONE ||
		inputs[TREES_WEIGHT] == GRAPH_NONE || inputs[TREES_BASE] == GRAPH_NONE)
		return l->err->code;
	for (uint32_t leaf = 0; leaf <= leaves; leaf++)
		((int32_t *)first)[leaf] = (int32_t)(leaf * targets);
	for (int64_t w = 0; w < weights; w++)
		((int32_t *)target)[w] = (int32_t)(w % targets);
	memcpy(weight, l->values[output], (size_t)weights * sizeof(float));
	node->op = OP_TREES;
	node->n_attrs = 0;
	node->n_inputs = tree.n_inputs;
	node->inputs = arena_memdup(l->graph->arena, inputs, tree.n_inputs * sizeof(*inputs));
	if (!node->inputs || node_set_int(l->graph, node, ATTR_AGGREGATE, TREES_SUM) != 0)
		return error_set(l->err, -ENOMEM, "out of memory for trees");
	return 0;
}

// Does the node make scores of a single tree's alone?
static bool tables_makes_score(const struct leaf_tables *l, const struct node *node)
{
	return node->op != OP_TREES && node->n_outputs == 1 &&
		l->tree[node->outputs[0]] != GRAPH_NONE &&
		tables_is_score(&l->graph->tensors[node->outputs[0]]);
}

// From the last node to the first: what is wanted and depends on a leaf alone becomes a tree, and what
// it was computed of is wanted no more. Returns how many became trees.
static int tables_replace(struct leaf_tables *l)
{
	int changes = 0;

	for (uint32_t o = 0; o < l->graph->n_outputs; o++)
		l->wanted[l->graph->outputs[o].tensor] = true;
	for (uint32_t n = l->graph->n_nodes; n-- > 0;) {
		struct node *node = &l->graph->nodes[n];
		bool wanted = false;

		for (uint32_t o = 0; o < node->n_outputs; o++)
			wanted |= node->outputs[o] != GRAPH_NONE && l->wanted[node->outputs[o]];
		if (!wanted)
			continue;
		if (tables_makes_score(l, node)) {
			if (tables_make_tree(l, node) != 0)
				return l->err->code;
			changes++;
			continue;
		}
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				l->wanted[node->inputs[i]] = true;
		}
	}
	return changes;
}

int pass_fold_trees(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct leaf_tables l = { .graph = graph, .err = err, .n_tensors = graph->n_tensors };
	int rc = 0;

	l.tree = malloc(((size_t)l.n_tensors + 1) * sizeof(*l.tree));
	l.values = calloc((size_t)l.n_tensors + 1, sizeof(*l.values));
	l.wanted = calloc((size_t)l.n_tensors + 1, sizeof(*l.wanted));
	l.left = calloc((size_t)l.n_tensors + 1, sizeof(*l.left));
	if (!l.tree || !l.values || !l.wanted || !l.left)
		rc = error_set(err, -ENOMEM, "out of memory for %u tensors", l.n_tensors);
	for (uint32_t t = 0; rc == 0 && t < l.n_tensors; t++)
		l.tree[t] = GRAPH_NONE;
	for (uint32_t n = 0; rc == 0 && n < graph->n_nodes; n++) {
		for (uint32_t i = 0; i < graph->nodes[n].n_inputs; i++) {
			if (graph->nodes[n].inputs[i] != GRAPH_NONE)
				l.left[graph->nodes[n].inputs[i]]++;
		}
	}
	if (rc == 0)
		rc = tables_fill(&l);
	if (rc == 0)
		rc = tables_replace(&l);
	if (rc > 0)
		report_add(report,
			"folded what follows a single tree into the weights of its leaves: %d "
			"times",
			rc);
	for (uint32_t t = 0; l.values && t < l.n_tensors; t++)
		free(l.values[t]);
	free(l.tree);
	free(l.values);
	free(l.wanted);
	free(l.left);
	return rc;
}
