// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantise_equalise.h"

#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"

#include <math.h>
#include <string.h>

#define EQUALISE_ROUNDS   10
#define EQUALISE_EXPONENT 20 // of a factor, at most

// Weights of a layer, by channels of its results and of its inputs.
struct equalised {
	struct node *node;
	float *w, *b; // its own from now on; b NULL: none
	int64_t outer, inner,
		taps; // results, inputs and taps: [inner][outer] of Dense, [outer][inner][taps] of Conv
};

static bool equalise_is_product(const struct graph *graph, const struct node *node)
{
	return ((node->op == OP_DENSE) ||
		       (node->op == OP_CONV && node_int(node, ATTR_GROUP, 1) == 1)) &&
		tensor_is_constant(graph, node->inputs[1]) &&
		(node->n_inputs < 3 || node->inputs[2] == GRAPH_NONE ||
			tensor_is_constant(graph, node->inputs[2]));
}

static float *equalise_weight(const struct equalised *e, int64_t outer, int64_t inner, int64_t tap)
{
	return e->w +
		(e->node->op == OP_DENSE ? inner * e->outer + outer
					 : (outer * e->inner + inner) * e->taps + tap);
}

// The layer with weights that may be changed: copies, made once for a node.
static int equalise_own(
	struct graph *graph, struct node *node, bool *owned, struct equalised *e, struct error *err)
{
	const bool is_conv = node->op == OP_CONV;
	const struct tensor *w;

	for (uint32_t i = 1; i < node->n_inputs && i < 3 && !*owned; i++) {
		const struct tensor *of = &graph->tensors[node->inputs[i]];
		char name[200];
		void *copy;
		uint32_t made;

		if (node->inputs[i] == GRAPH_NONE)
			continue;
		copy = arena_memdup(graph->arena, of->data, tensor_bytes(of));
		if (!copy)
			return error_set(err, -ENOMEM, "out of memory for '%s'", node->name);
		snprintf(name, sizeof(name), "%.150s~%u", of->name, graph->n_tensors);
		made = graph_add_tensor(graph, name, DTYPE_F32, of->rank, of->dims, copy, err);
		if (made == GRAPH_NONE)
			return err->code;
		node->inputs[i] = made;
	}
	*owned = true;
	w = &graph->tensors[node->inputs[1]];
	*e = (struct equalised){ .node = node,
		.w = (float *)(uintptr_t)w->data,
		.outer = w->dims[is_conv ? 0 : 1],
		.inner = w->dims[is_conv ? 1 : 0],
		.taps = 1 };
	for (uint32_t d = 2; d < w->rank; d++)
		e->taps *= w->dims[d];
	if (node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE)
		e->b = (float *)(uintptr_t)tensor_floats(graph, node->inputs[2]);
	return 0;
}

static float equalise_range(const struct equalised *e, int64_t channel, bool of_inputs)
{
	const int64_t others = of_inputs ? e->outer : e->inner;
	float most = 0;

	for (int64_t i = 0; i < others; i++) {
		for (int64_t t = 0; t < e->taps; t++)
			most = fmaxf(most,
				fabsf(*equalise_weight(
					e, of_inputs ? i : channel, of_inputs ? channel : i, t)));
	}
	return most;
}

static void equalise_scale(const struct equalised *e, int64_t channel, bool of_inputs, int exponent)
{
	const int64_t others = of_inputs ? e->outer : e->inner;

	for (int64_t i = 0; i < others; i++) {
		for (int64_t t = 0; t < e->taps; t++) {
			float *w = equalise_weight(
				e, of_inputs ? i : channel, of_inputs ? channel : i, t);

			*w = ldexpf(*w, exponent);
		}
	}
	if (!of_inputs && e->b)
		e->b[channel] = ldexpf(e->b[channel], exponent);
}

// Returns how many channels were changed.
static int equalise_pair(const struct equalised *first, const struct equalised *second)
{
	int changed = 0;

	for (int64_t c = 0; c < first->outer; c++) {
		const float before = equalise_range(first, c, false);
		const float after = equalise_range(second, c, true);
		double exponent;

		if (!isnormal(before) || !isnormal(after))
			continue;
		exponent = nearbyint((log2((double)before) - log2((double)after)) / 2);
		if (exponent == 0 || fabs(exponent) > EQUALISE_EXPONENT)
			continue;
		equalise_scale(first, c, false, -(int)exponent);
		equalise_scale(second, c, true, (int)exponent);
		changed++;
	}
	return changed;
}

// The layer before `second` whose channels are those of its input; NULL: there is none.
static struct node *equalise_before(
	const struct uses *uses, struct graph *graph, const struct node *second)
{
	uint32_t tensor = second->inputs[0];
	struct node *node = NULL;
	enum activation kind;

	for (uint32_t steps = 0; steps < 3; steps++) {
		const uint32_t maker = uses->producer[tensor];

		if (maker == GRAPH_NONE || uses->count[tensor] != 1)
			return NULL;
		node = &graph->nodes[maker];
		if (second->op != OP_CONV ||
			(node->op != OP_MAX_POOL && node->op != OP_AVERAGE_POOL) ||
			node->n_outputs != 1)
			break;
		tensor = node->inputs[0];
	}
	if (!node || node->op != second->op || !equalise_is_product(graph, node))
		return NULL;
	kind = act_of_attributes(node).kind;
	return kind == ACTIVATION_NONE || kind == ACTIVATION_RELU || kind == ACTIVATION_LEAKY_RELU
		? node
		: NULL;
}

static int equalise_round(
	struct graph *graph, const struct uses *uses, bool *owned, bool *changed, struct error *err)
{
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *second = &graph->nodes[n], *first;
		struct equalised a = { 0 }, b = { 0 };
		int rc;

		if (!equalise_is_product(graph, second))
			continue;
		first = equalise_before(uses, graph, second);
		if (!first)
			continue;
		rc = equalise_own(graph, first, &owned[first - graph->nodes], &a, err);
		if (rc == 0)
			rc = equalise_own(graph, second, &owned[n], &b, err);
		if (rc != 0)
			return rc;
		if (a.outer != b.inner || equalise_pair(&a, &b) == 0)
			continue;
		changed[n] = true;
		changes++;
	}
	return changes;
}

int quantise_equalise(struct graph *graph, struct error *err)
{
	bool *owned = arena_calloc(graph->arena, 2 * (size_t)graph->n_nodes + 1, sizeof(*owned));
	bool *changed = owned ? owned + graph->n_nodes : NULL;
	int changes = 1, pairs = 0;
	struct uses uses;

	if (!owned)
		return error_set(err, -ENOMEM, "out of memory to equalise layers");
	if (uses_init(&uses, graph, err) != 0)
		return err->code;
	for (uint32_t round = 0; round < EQUALISE_ROUNDS && changes > 0; round++)
		changes = equalise_round(graph, &uses, owned, changed, err);
	uses_fini(&uses);
	for (uint32_t n = 0; n < graph->n_nodes; n++)
		pairs += changed[n];
	return changes < 0 ? changes : pairs;
}
