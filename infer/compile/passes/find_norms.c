// SPDX-License-Identifier: BSD-3-Clause
// LayerNormalization and Softmax, as exporters spell them where the opset has none, or where a model
// does itself: subtractions of a mean or a largest value, and a division by what is reduced of them.
// Only where nobody else reads what is between, which would have to be computed all the same.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"

#include <math.h>
#include <string.h>

struct search {
	struct graph *graph;
	struct uses uses;
	struct compile_report *report;
	struct error *err;
};

static const struct tensor *search_tensor(const struct search *search, uint32_t t)
{
	return &search->graph->tensors[t];
}

// A reduction of adjacent dimensions, from *first to before *end, that are kept as 1.
static bool reduces(
	const struct search *search, const struct node *node, uint32_t *first, uint32_t *end)
{
	const struct attr *axes = node_attr(node, ATTR_AXES);
	const uint32_t rank = search_tensor(search, node->inputs[0])->rank;
	uint32_t mask = 0;

	if (node_int(node, ATTR_KEEPDIMS, 1) == 0 || rank == 0)
		return false;
	for (uint32_t i = 0; axes && i < axes->count; i++)
		mask |= 1u << axes->ints[i];
	if (!axes)
		mask = (1u << rank) - 1;
	for (*first = 0; !(mask >> *first & 1);)
		if (++*first == rank)
			return false;
	for (*end = *first; *end < rank && (mask >> *end & 1);)
		++*end;
	return mask >> *end == 0;
}

// --- LayerNormalization --------------------------------------------------------------------------

struct layer_norm {
	uint32_t x, axis, scale, bias; // scale, bias: GRAPH_NONE where there is none
	double epsilon;
	struct node *last;
};

// What the node squares, by a power of 2 or a product with itself; GRAPH_NONE: nothing.
static uint32_t squared(const struct search *search, const struct node *node)
{
	double by;

	if (node->op == OP_MUL && node->inputs[0] == node->inputs[1])
		return node->inputs[0];
	if (node->op == OP_POW && tensor_is_value(search->graph, node->inputs[1], &by) && by == 2)
		return node->inputs[0];
	return GRAPH_NONE;
}

// Is t, which `readers` read, x - mean(x) over the last dimensions, of a mean that `mean_readers` read?
static bool is_centred(struct search *search, uint32_t t, uint32_t readers, struct layer_norm *norm,
	uint32_t mean_readers)
{
	struct graph *graph = search->graph;
	struct node *sub = uses_made(&search->uses, graph, t, OP_SUB, readers), *mean;
	uint32_t end;

	if (!sub)
		return false;
	mean = uses_made(&search->uses, graph, sub->inputs[1], OP_REDUCE_MEAN, mean_readers);
	norm->x = sub->inputs[0];
	return mean && mean->inputs[0] == norm->x && reduces(search, mean, &norm->axis, &end) &&
		end == search_tensor(search, norm->x)->rank;
}

// Of sqrt(mean(centred^2) + epsilon): the centred values, of which the squares are *squares readers.
// GRAPH_NONE: it is something else.
static uint32_t deviation_of(
	struct search *search, uint32_t t, struct layer_norm *norm, uint32_t *squares)
{
	struct graph *graph = search->graph;
	const struct uses *uses = &search->uses;
	struct node *root = uses_sole(uses, graph, t, OP_SQRT);
	struct node *add = root ? uses_sole(uses, graph, root->inputs[0], OP_ADD) : NULL, *mean;
	uint32_t first, end, side, power;

	if (!add)
		return GRAPH_NONE;
	side = tensor_is_value(graph, add->inputs[0], &norm->epsilon) ? 1 : 0;
	if (!tensor_is_value(graph, add->inputs[!side], &norm->epsilon) ||
		!(norm->epsilon >= 0 && norm->epsilon < 1))
		return GRAPH_NONE;
	mean = uses_sole(uses, graph, add->inputs[side], OP_REDUCE_MEAN);
	if (!mean || !reduces(search, mean, &first, &end) ||
		end != search_tensor(search, mean->inputs[0])->rank ||
		search_tensor(search, add->outputs[0])->rank != end)
		return GRAPH_NONE;
	norm->axis = first;
	power = uses->producer[mean->inputs[0]];
	if (power == GRAPH_NONE || uses->count[mean->inputs[0]] != 1)
		return GRAPH_NONE;
	*squares = graph->nodes[power].op == OP_MUL ? 2 : 1;
	return squared(search, &graph->nodes[power]);
}

// node: centred / deviation, or centred * (1 / deviation) in either order.
static bool is_layer_norm(struct search *search, struct node *node, struct layer_norm *norm)
{
	struct graph *graph = search->graph;
	uint32_t centred = node->inputs[0], deviation = node->inputs[1], squares, of, axis;

	if (node->op == OP_MUL) {
		struct node *inverse = uses_sole(&search->uses, graph, deviation, OP_RECIPROCAL);

		if (!inverse) {
			centred = node->inputs[1];
			inverse = uses_sole(&search->uses, graph, node->inputs[0], OP_RECIPROCAL);
		}
		if (!inverse)
			return false;
		deviation = inverse->inputs[0];
	} else if (node->op != OP_DIV) {
		return false;
	}
	of = deviation_of(search, deviation, norm, &squares);
	if (of == GRAPH_NONE)
		return false;
	axis = norm->axis;
	if (of == centred)
		return is_centred(search, centred, squares + 1, norm, 1) && norm->axis == axis;
	// The subtraction is there twice.
	if (!is_centred(search, of, squares, norm, 2) || norm->axis != axis)
		return false;
	axis = norm->x;
	return is_centred(search, centred, 1, norm, 2) && norm->x == axis &&
		graph->nodes[search->uses.producer[of]].inputs[1] ==
		graph->nodes[search->uses.producer[centred]].inputs[1];
}

// Does constant t broadcast to the normalised dimensions of x? *cut: its dimensions before them, each
// of which is 1.
static bool is_normalised_constant(
	const struct search *search, uint32_t t, const struct layer_norm *norm, uint32_t *cut)
{
	const struct tensor *x = search_tensor(search, norm->x), *c = search_tensor(search, t);

	*cut = 0;
	if (!tensor_is_constant(search->graph, t) || c->rank > x->rank)
		return false;
	for (uint32_t d = 0; d < c->rank; d++) {
		const uint32_t at = x->rank - c->rank + d;

		if (c->dims[d] != 1 && (at < norm->axis || c->dims[d] != x->dims[at]))
			return false;
		*cut += at < norm->axis;
	}
	return true;
}

// Takes the only reader of what the last node makes to it, if it is an `op` of that and of such a
// constant; *constant is GRAPH_NONE otherwise.
static int take_next(struct search *search, struct layer_norm *norm, enum op op, uint32_t *constant)
{
	const uint32_t t = norm->last->outputs[0], reader = search->uses.reader[t];
	struct node *next;
	struct tensor c;
	char name[200];
	uint32_t cut;

	*constant = GRAPH_NONE;
	if (search->uses.count[t] != 1 || reader == GRAPH_NONE)
		return 0;
	next = &search->graph->nodes[reader];
	if (next->op != op ||
		!is_normalised_constant(search, next->inputs[next->inputs[0] == t], norm, &cut))
		return 0;
	norm->last = next;
	*constant = next->inputs[next->inputs[0] == t];
	if (cut == 0)
		return 0;
	c = *search_tensor(search, *constant);
	snprintf(name, sizeof(name), "%.150s~%u", c.name, search->graph->n_tensors);
	*constant = graph_add_tensor(
		search->graph, name, c.dtype, c.rank - cut, c.dims + cut, c.data, search->err);
	return *constant == GRAPH_NONE ? search->err->code : 0;
}

// The last node becomes the LayerNormalization; what it read is dead.
static int make_layer_norm(struct search *search, struct node *node, struct layer_norm *norm)
{
	struct graph *graph = search->graph;
	const char *name = node->name;
	uint32_t inputs[3] = { norm->x };
	float *one;

	norm->last = node;
	if (take_next(search, norm, OP_MUL, &inputs[1]) ||
		take_next(search, norm, OP_ADD, &inputs[2]))
		return search->err->code;
	if (inputs[1] == GRAPH_NONE) {
		inputs[1] = pass_constant(graph, name, 1, 1, 0, &one, search->err);
		if (inputs[1] == GRAPH_NONE)
			return search->err->code;
		*one = 1;
	}
	node = norm->last;
	node->op = OP_LAYER_NORM;
	node->n_attrs = 0;
	node->n_inputs = inputs[2] == GRAPH_NONE ? 2 : 3;
	node->inputs = arena_memdup(graph->arena, inputs, sizeof(inputs));
	if (!node->inputs || node_set_int(graph, node, ATTR_AXIS, norm->axis) ||
		node_set_float(graph, node, ATTR_EPSILON, (float)norm->epsilon))
		return error_set(search->err, -ENOMEM, "out of memory");
	report_add(
		search->report, "made '%s' and what it is computed of a LayerNormalization", name);
	return 1;
}

// --- Softmax -------------------------------------------------------------------------------------

// node: e / sum(e), e = exp(x - max(x)) over one dimension.
static bool is_softmax(struct search *search, const struct node *node, uint32_t *x, uint32_t *axis)
{
	struct graph *graph = search->graph;
	const struct uses *uses = &search->uses;
	struct node *sum, *power, *sub, *most;
	uint32_t end, first;

	if (node->op != OP_DIV)
		return false;
	sum = uses_sole(uses, graph, node->inputs[1], OP_REDUCE_SUM);
	power = uses_made(uses, graph, node->inputs[0], OP_EXP, 2);
	sub = power ? uses_sole(uses, graph, power->inputs[0], OP_SUB) : NULL;
	most = sub ? uses_sole(uses, graph, sub->inputs[1], OP_REDUCE_MAX) : NULL;
	if (!sum || !most || sum->inputs[0] != node->inputs[0] || most->inputs[0] != sub->inputs[0])
		return false;
	*x = sub->inputs[0];
	return reduces(search, most, axis, &end) && end == *axis + 1 &&
		reduces(search, sum, &first, &end) && first == *axis && end == *axis + 1;
}

static int make_softmax(struct search *search, struct node *node, uint32_t x, uint32_t axis)
{
	struct graph *graph = search->graph;

	node->op = OP_SOFTMAX;
	node->n_attrs = 0;
	node->n_inputs = 1;
	node->inputs = arena_memdup(graph->arena, &x, sizeof(x));
	if (!node->inputs || node_set_int(graph, node, ATTR_AXIS, axis))
		return error_set(search->err, -ENOMEM, "out of memory");
	report_add(search->report, "made '%s' and what it is computed of a Softmax", node->name);
	return 1;
}

int pass_find_norms(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct search search = { .graph = graph, .report = report, .err = err };
	const uint32_t n_nodes = graph->n_nodes;
	int changes = 0, rc = 0;

	if (uses_init(&search.uses, graph, err))
		return err->code;
	for (uint32_t n = 0; n < n_nodes && rc >= 0; n++) {
		struct layer_norm norm = { 0 };
		struct node *node = &graph->nodes[n];
		uint32_t x, axis;

		rc = 0;
		if (node->n_inputs != 2 || tensor_bytes(&graph->tensors[node->outputs[0]]) == 0 ||
			graph->tensors[node->outputs[0]].dtype != DTYPE_F32)
			continue;
		if (is_layer_norm(&search, node, &norm))
			rc = make_layer_norm(&search, node, &norm);
		else if (is_softmax(&search, node, &x, &axis))
			rc = make_softmax(&search, node, x, axis);
		changes += rc > 0;
	}
	uses_fini(&search.uses);
	return rc < 0 ? rc : changes;
}
