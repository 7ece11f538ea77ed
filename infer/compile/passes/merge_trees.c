// SPDX-License-Identifier: BSD-3-Clause
// Ensembles that are summed, or stand side by side, become one, which a kernel scores at once; and
// columns that an ensemble is given by a Gather are read from where the Gather has them.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- Columns ------------------------------------------------------------------------------------

static int64_t merge_index_at(const struct tensor *index, int64_t i)
{
	return index->dtype == DTYPE_I64 ? ((const int64_t *)index->data)[i]
					 : ((const int32_t *)index->data)[i];
}

// Does the node gather constant columns of rows [1, C] of float32?
static bool merge_gathers_columns(const struct graph *graph, const struct node *node)
{
	const struct tensor *x, *index;
	const int64_t axis = node_int(node, ATTR_AXIS, 0);

	if (node->op != OP_GATHER || node->n_inputs != 2)
		return false;
	x = &graph->tensors[node->inputs[0]];
	index = &graph->tensors[node->inputs[1]];
	if (x->data || x->dtype != DTYPE_F32 || x->rank != 2 || x->dims[0] != 1 ||
		(axis != 1 && axis != -1) || !index->data || index->rank != 1 ||
		(index->dtype != DTYPE_I64 && index->dtype != DTYPE_I32))
		return false;
	for (int64_t i = 0; i < index->dims[0]; i++) {
		const int64_t at = merge_index_at(index, i);

		if (at < -x->dims[1] || at >= x->dims[1])
			return false;
	}
	return true;
}

static int merge_renumber(
	struct graph *graph, struct node *node, const struct node *gather, struct error *err)
{
	const uint32_t old = node->inputs[TREES_FEATURE];
	const int64_t branches = graph->tensors[old].dims[0];
	const int64_t columns = graph->tensors[gather->inputs[0]].dims[1];
	const int32_t *from = graph->tensors[old].data;
	const struct tensor index = graph->tensors[gather->inputs[1]];
	void *to;
	const uint32_t feature =
		pass_constant_of(graph, node->name, DTYPE_I32, 1, branches, 0, &to, err);

	if (feature == GRAPH_NONE)
		return err->code;
	for (int64_t b = 0; b < branches; b++) {
		const int64_t at = merge_index_at(&index, from[b]);

		((int32_t *)to)[b] = (int32_t)(at < 0 ? at + columns : at);
	}
	node->inputs =
		arena_memdup(graph->arena, node->inputs, node->n_inputs * sizeof(*node->inputs));
	if (!node->inputs)
		return error_set(err, -ENOMEM, "out of memory for trees");
	node->inputs[TREES_X] = gather->inputs[0];
	node->inputs[TREES_FEATURE] = feature;
	return 0;
}

static bool merge_is_linear(const struct node *node)
{
	return node->n_inputs > TREES_LINEAR_FIRST &&
		node->inputs[TREES_LINEAR_FIRST] != GRAPH_NONE;
}

static int merge_columns(struct graph *graph, const struct uses *uses, struct error *err)
{
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];
		uint32_t producer;

		if (node->op != OP_TREES || node->n_outputs == 0 || merge_is_linear(node))
			continue; // the second is dead, and not yet taken away
		producer = uses->producer[node->inputs[TREES_X]];
		if (producer == GRAPH_NONE ||
			!merge_gathers_columns(graph, &graph->nodes[producer]))
			continue;
		if (merge_renumber(graph, node, &graph->nodes[producer], err) != 0)
			return err->code;
		changes++;
	}
	return changes;
}

// --- Sums ---------------------------------------------------------------------------------------

#define TARGETS_MAX 64 // that kernels of batches take side by side

struct merge_sum {
	struct graph *graph;
	const struct uses *uses;
	struct error *err;
	uint32_t *trees; // [n_trees] nodes to be merged
	uint32_t n_trees;
	uint32_t *pending; // of tensors to be looked at
	uint32_t n_pending;
	uint32_t inner; // the last Add below the sum's own; GRAPH_NONE: there is none
	uint32_t rest, n_rest;
	bool side_by_side; // each has targets of its own
};

static bool merge_is_same_shape(const struct graph *graph, uint32_t a, uint32_t b)
{
	const struct tensor *x = &graph->tensors[a], *y = &graph->tensors[b];

	return x->dtype == y->dtype && x->rank == y->rank &&
		memcmp(x->dims, y->dims, x->rank * sizeof(*x->dims)) == 0;
}

static const struct node *merge_summed(const struct merge_sum *s, uint32_t tensor)
{
	const struct node *node = uses_sole(s->uses, s->graph, tensor, OP_TREES);

	return node && !merge_is_linear(node) &&
			node_int(node, ATTR_AGGREGATE, TREES_SUM) == TREES_SUM
		? node
		: NULL;
}

// Ensembles of the same columns as the first of them are to be merged, what is left is the rest.
static void merge_look_at(struct merge_sum *s, uint32_t sum, uint32_t tensor)
{
	const struct node *add = uses_sole(s->uses, s->graph, tensor, OP_ADD);
	const struct node *trees = merge_summed(s, tensor);

	if (add && merge_is_same_shape(s->graph, sum, tensor)) {
		const uint32_t n = (uint32_t)(add - s->graph->nodes);

		s->inner = s->inner == GRAPH_NONE || s->inner < n ? n : s->inner;
		s->pending[s->n_pending++] = add->inputs[0];
		s->pending[s->n_pending++] = add->inputs[1];
	} else if (trees && merge_is_same_shape(s->graph, sum, tensor) &&
		(s->n_trees == 0 ||
			s->graph->nodes[s->trees[0]].inputs[TREES_X] == trees->inputs[TREES_X])) {
		s->trees[s->n_trees++] = (uint32_t)(trees - s->graph->nodes);
	} else {
		s->rest = tensor;
		s->n_rest++;
	}
}

static void merge_collect(struct merge_sum *s, uint32_t n)
{
	const struct node *node = &s->graph->nodes[n];

	s->side_by_side = false;
	s->n_trees = s->n_rest = s->n_pending = 0;
	s->inner = GRAPH_NONE;
	s->pending[s->n_pending++] = node->inputs[0];
	s->pending[s->n_pending++] = node->inputs[1];
	while (s->n_pending > 0)
		merge_look_at(s, node->outputs[0], s->pending[--s->n_pending]);
}

// A Concat of nothing but ensembles of the same columns.
static bool merge_collect_side_by_side(struct merge_sum *s, const struct node *node)
{
	const struct tensor *y = &s->graph->tensors[node->outputs[0]];
	const int64_t axis = node_int(node, ATTR_AXIS, 0);

	s->side_by_side = true;
	s->n_trees = s->n_rest = 0;
	if (y->rank != 2 || y->dims[0] != 1 || y->dims[1] > TARGETS_MAX ||
		(axis != 1 && axis != -1))
		return false;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const struct node *trees = merge_summed(s, node->inputs[i]);

		if (!trees ||
			(i > 0 &&
				s->graph->nodes[s->trees[0]].inputs[TREES_X] !=
					trees->inputs[TREES_X]))
			return false;
		s->trees[s->n_trees++] = (uint32_t)(trees - s->graph->nodes);
	}
	return true;
}

static bool merge_fits(const struct merge_sum *s)
{
	uint64_t trees = 0, branches = 0;
	uint32_t first = GRAPH_NONE;

	for (uint32_t i = 0; i < s->n_trees; i++) {
		const struct node *node = &s->graph->nodes[s->trees[i]];

		first = s->trees[i] < first ? s->trees[i] : first;
		trees += (uint64_t)s->graph->tensors[node->inputs[TREES_ROOT]].dims[0];
		branches += (uint64_t)s->graph->tensors[node->inputs[TREES_FEATURE]].dims[0] +
			(uint64_t)s->graph->tensors[node->inputs[TREES_WEIGHT]].dims[0];
	}
	// With a rest, the ensemble is written where the Add below was: what it reads is there if one
	// of those that read the same is.
	return s->n_trees >= 2 && trees <= TREES_MAX && branches <= TREES_BRANCHES_MAX &&
		(s->n_rest == 0 || (s->n_rest == 1 && s->inner != GRAPH_NONE && s->inner > first));
}

struct merged {
	struct trees all; // the counts
	int32_t *root, *feature, *children, *weight_first, *weight_target, *set, *set_first;
	float *threshold, *weight, *base;
	uint8_t *kind;
	uint32_t *set_words;
};

static void merge_count(const struct merge_sum *s, struct trees *all)
{
	*all = (struct trees){ 0 };
	for (uint32_t i = 0; i < s->n_trees; i++) {
		struct trees t;

		trees_of_node(s->graph, &s->graph->nodes[s->trees[i]], &t);
		all->n_targets = s->side_by_side ? all->n_targets + t.n_targets : t.n_targets;
		all->n_trees += t.n_trees;
		all->n_branches += t.n_branches;
		all->n_leaves += t.n_leaves;
		all->n_weights += t.n_weights;
		all->n_sets += t.n_sets;
		all->n_set_words += t.n_set_words;
	}
}

// Constants of the sizes that were counted, into `inputs`.
static int merge_allocate(
	struct merge_sum *s, const char *stem, struct merged *m, uint32_t inputs[TREES_INPUT_COUNT])
{
	const struct trees *a = &m->all;
	const struct {
		enum trees_input input;
		enum dtype dtype;
		uint32_t count, columns;
		void **data;
	} arrays[] = {
		{ TREES_ROOT, DTYPE_I32, a->n_trees, 1, (void **)&m->root },
		{ TREES_FEATURE, DTYPE_I32, a->n_branches, 1, (void **)&m->feature },
		{ TREES_THRESHOLD, DTYPE_F32, a->n_branches, 1, (void **)&m->threshold },
		{ TREES_KIND, DTYPE_U8, a->n_branches, 1, (void **)&m->kind },
		{ TREES_CHILDREN, DTYPE_I32, a->n_branches, 2, (void **)&m->children },
		{ TREES_WEIGHT_FIRST, DTYPE_I32, a->n_leaves + 1, 1, (void **)&m->weight_first },
		{ TREES_WEIGHT_TARGET, DTYPE_I32, a->n_weights, 1, (void **)&m->weight_target },
		{ TREES_WEIGHT, DTYPE_F32, a->n_weights, 1, (void **)&m->weight },
		{ TREES_BASE, DTYPE_F32, a->n_targets, 1, (void **)&m->base },
		{ TREES_SET, DTYPE_I32, a->n_branches, 1, (void **)&m->set },
		{ TREES_SET_FIRST, DTYPE_I32, a->n_sets + 1, 1, (void **)&m->set_first },
		{ TREES_SET_WORDS, DTYPE_U32, a->n_set_words, 1, (void **)&m->set_words },
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		if (arrays[i].input >= TREES_SET && a->n_sets == 0)
			break;
		inputs[arrays[i].input] =
			pass_constant_of(s->graph, stem, arrays[i].dtype, arrays[i].columns,
				arrays[i].count, arrays[i].columns, arrays[i].data, s->err);
		if (inputs[arrays[i].input] == GRAPH_NONE)
			return s->err->code;
	}
	return 0;
}

static int32_t merge_moved(int32_t node, const struct trees *before)
{
	return node >= 0 ? node + (int32_t)before->n_branches
			 : ~(~node + (int32_t)before->n_leaves);
}

// Appends an ensemble, whose targets begin at b->n_targets; `b` counts what is there before it.
static void merge_append(struct merged *m, const struct trees *t, struct trees *b)
{
	for (uint32_t i = 0; i < t->n_trees; i++)
		m->root[b->n_trees + i] = merge_moved(t->root[i], b);
	for (uint32_t i = 0; i < t->n_branches; i++) {
		m->children[2 * (b->n_branches + i)] = merge_moved(t->children[i][0], b);
		m->children[2 * (b->n_branches + i) + 1] = merge_moved(t->children[i][1], b);
		if (m->set)
			m->set[b->n_branches + i] =
				t->set && t->set[i] >= 0 ? t->set[i] + (int32_t)b->n_sets : -1;
	}
	memcpy(m->feature + b->n_branches, t->feature, t->n_branches * sizeof(*t->feature));
	memcpy(m->threshold + b->n_branches, t->threshold, t->n_branches * sizeof(*t->threshold));
	memcpy(m->kind + b->n_branches, t->kind, t->n_branches);
	for (uint32_t l = 0; l <= t->n_leaves; l++)
		m->weight_first[b->n_leaves + l] = t->weight_first[l] + (int32_t)b->n_weights;
	for (uint32_t w = 0; w < t->n_weights; w++)
		m->weight_target[b->n_weights + w] = t->weight_target[w] + (int32_t)b->n_targets;
	memcpy(m->weight + b->n_weights, t->weight, t->n_weights * sizeof(*t->weight));
	for (uint32_t k = 0; k < t->n_targets; k++)
		m->base[b->n_targets + k] += t->base[k];
	for (uint32_t i = 0; t->set && i <= t->n_sets; i++)
		m->set_first[b->n_sets + i] = t->set_first[i] + (int32_t)b->n_set_words;
	if (t->set)
		memcpy(m->set_words + b->n_set_words, t->set_words,
			t->n_set_words * sizeof(*t->set_words));
	b->n_trees += t->n_trees;
	b->n_branches += t->n_branches;
	b->n_leaves += t->n_leaves;
	b->n_weights += t->n_weights;
	b->n_sets += t->n_sets;
	b->n_set_words += t->n_set_words;
}

// The sum `n` becomes the merged ensemble; or, where something else is added, the Add below does.
static int merge_write(struct merge_sum *s, uint32_t n)
{
	struct node *sum = &s->graph->nodes[n];
	struct node *made = s->n_rest == 0 ? sum : &s->graph->nodes[s->inner];
	const uint32_t x = s->graph->nodes[s->trees[0]].inputs[TREES_X];
	const uint32_t pair[2] = { made->outputs[0], s->rest };
	uint32_t inputs[TREES_INPUT_COUNT];
	struct merged m = { 0 };
	struct trees before = { 0 };
	uint32_t n_inputs;

	merge_count(s, &m.all);
	if (merge_allocate(s, sum->name, &m, inputs) != 0)
		return s->err->code;
	inputs[TREES_X] = x;
	for (uint32_t i = 0; i < s->n_trees; i++) {
		struct trees t;

		trees_of_node(s->graph, &s->graph->nodes[s->trees[i]], &t);
		merge_append(&m, &t, &before);
		before.n_targets += s->side_by_side ? t.n_targets : 0;
	}
	n_inputs = m.set ? TREES_SET_WORDS + 1 : TREES_BASE + 1;
	made->op = OP_TREES;
	made->n_attrs = 0;
	made->n_inputs = n_inputs;
	made->inputs = arena_memdup(s->graph->arena, inputs, n_inputs * sizeof(*inputs));
	if (s->n_rest > 0)
		sum->inputs = arena_memdup(s->graph->arena, pair, sizeof(pair));
	if (!made->inputs || !sum->inputs ||
		node_set_int(s->graph, made, ATTR_AGGREGATE, TREES_SUM) != 0)
		return error_set(s->err, -ENOMEM, "out of memory for trees");
	for (uint32_t i = 0; i < s->n_trees; i++) {
		s->graph->nodes[s->trees[i]].n_inputs = 0; // dead: nobody reads it
		s->graph->nodes[s->trees[i]].n_outputs = 0;
	}
	return 0;
}

// Is node `n` a sum, or a Concat, of ensembles that become one?
static bool merge_finds(struct merge_sum *s, uint32_t n)
{
	const struct node *node = &s->graph->nodes[n];

	if (node->op == OP_CONCAT)
		return merge_collect_side_by_side(s, node) && merge_fits(s);
	if (node->op != OP_ADD || node->n_inputs != 2)
		return false;
	merge_collect(s, n);
	return merge_fits(s);
}

// Sums of the last nodes first: what they are made of is merged into them.
static int merge_sums(struct graph *graph, const struct uses *uses, struct compile_report *report,
	struct error *err)
{
	struct merge_sum s = { .graph = graph, .uses = uses, .err = err };
	int changes = 0;

	s.trees = malloc(((size_t)graph->n_nodes + GRAPH_NODE_IO_MAX) * sizeof(*s.trees));
	s.pending = malloc(((size_t)graph->n_nodes + 2) * 2 * sizeof(*s.pending));
	if (!s.trees || !s.pending)
		changes = error_set(err, -ENOMEM, "out of memory for %u nodes", graph->n_nodes);
	for (uint32_t n = graph->n_nodes; n-- > 0 && changes == 0;) {
		if (!merge_finds(&s, n))
			continue;
		changes = merge_write(&s, n);
		if (changes == 0) {
			report_add(report, "merged %" PRIu32 " ensembles of trees, which %s",
				s.n_trees, s.side_by_side ? "stand side by side" : "are summed");
			changes = 1; // readers are counted anew before the next
		}
	}
	free(s.trees);
	free(s.pending);
	return changes;
}

int pass_merge_trees(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct uses uses;
	int columns, sums;

	if (uses_init(&uses, graph, err) != 0)
		return err->code;
	columns = merge_columns(graph, &uses, err);
	uses_fini(&uses);
	if (columns < 0)
		return columns;
	if (columns > 0)
		report_add(report, "%d ensembles of trees read their columns without a Gather",
			columns);
	if (uses_init(&uses, graph, err) != 0)
		return err->code;
	sums = merge_sums(graph, &uses, report, err);
	uses_fini(&uses);
	return sums < 0 ? sums : columns + sums;
}
