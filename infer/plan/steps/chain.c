// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/steps/chain.h"
#include "base/align.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"
#include "infer/kernels/elementwise/chain.h"
#include "infer/ops/values.h"
#include "infer/plan/groups.h"
#include "infer/plan/steps/chain_form.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Values of a block of constants that are worth its calls.
#define CHAIN_COLUMNS_MIN 64

struct chain_step {
	struct chain chain;
	struct buffer inputs[CHAIN_INPUTS_MAX];
};

struct chain_build {
	struct builder *builder;
	struct chain_step step;
	struct chain_operator *operators; // `to` and operands in slots count slots
	struct chain_spread *spreads;
	float *constants;
	uint32_t n_spreads, n_slots, first_free; // of the constants
	uint32_t tensors[CHAIN_INPUTS_MAX];      // which are the inputs
	bool used[CHAIN_SLOTS_MAX];
	size_t values; // of the result, in a row of the model
};

static void run_chain(const struct step *step, const struct pass *pass)
{
	const struct chain_kernel *kernel = step->kernel_run;
	const struct chain_step *params = step->params;
	const void *x[CHAIN_INPUTS_MAX];

	for (uint32_t i = 0; i < params->chain.n_inputs; i++)
		x[i] = buffer_at(pass, &params->inputs[i]);
	kernel->run(&params->chain, (size_t)pass->n * step->per_row, x, buffer_at(pass, &step->y));
}

// plan/groups.c bounds how many results wait to be read; beside them stand the operands of one node
// that are spread and its result.
static uint32_t chain_take_slot(struct chain_build *build)
{
	uint32_t slot = 0;

	while (build->used[slot])
		slot++;
	assert(slot < CHAIN_SLOTS_MAX);
	build->used[slot] = true;
	if (slot >= build->n_slots)
		build->n_slots = slot + 1;
	return slot;
}

static struct chain_operator *chain_emit(struct chain_build *build, enum chain_op op, uint32_t to)
{
	struct chain_operator *item = &build->operators[build->step.chain.n_operators++];

	*item = (struct chain_operator){ .op = op, .to = to };
	return item;
}

static const void *chain_constant(const struct builder *builder, uint32_t t)
{
	return builder->graph->tensors[builder->root[t]].data;
}

// After how many values a constant begins again as it is broadcast to `out`; 1: it is one value.
static size_t chain_period_of(const struct tensor *in, const struct tensor *out)
{
	size_t product = 1, period = 1;

	for (uint32_t d = 1; d <= in->rank; d++) { // from the last dimension
		product *= (size_t)out->dims[out->rank - d];
		if (in->dims[in->rank - d] != 1)
			period = product;
	}
	return period;
}

struct chain_constants {
	size_t scalars, columns; // of one value, and of more
	size_t longest;          // period
	bool fit;                // the longest is a multiple of all
};

static void chain_note_constants(const struct chain_build *build, struct chain_constants *constants)
{
	const struct builder *builder = build->builder;
	const struct node *node = builder->node;

	for (uint32_t i = 0; i < node->n_inputs; i++) {
		size_t period, more;

		if (!chain_constant(builder, node->inputs[i]))
			continue;
		period = chain_period_of(builder_input(builder, i), builder_output(builder, 0));
		more = period > constants->longest ? period : constants->longest;
		constants->fit &= more % period == 0 && more % constants->longest == 0;
		constants->scalars += period == 1;
		constants->columns += period > 1;
		constants->longest = more;
	}
}

// A period that all constants share: the longest, or a whole row. Short ones are repeated, as long
// as all constants stay in the first-level cache.
static uint32_t chain_period(const struct chain_build *build, struct chain_constants constants)
{
	const size_t period = constants.fit ? constants.longest : build->values;
	size_t wanted;

	if (constants.columns == 0)
		return 0;
	wanted = CHAIN_VALUES / constants.columns;
	wanted = wanted < CHAIN_COLUMNS_MIN ? CHAIN_COLUMNS_MIN
		: wanted > CHAIN_BLOCK_MAX  ? CHAIN_BLOCK_MAX
					    : wanted;
	return (uint32_t)(period < wanted ? wanted - wanted % period : period);
}

static size_t chain_column_floats(const struct chain_build *build)
{
	return align_up(build->step.chain.period, CHAIN_PAD);
}

static int chain_take_constants(struct chain_build *build, uint32_t first, uint32_t last)
{
	struct builder *builder = build->builder;
	struct chain_constants constants = { .longest = 1, .fit = true };
	size_t floats;

	for (uint32_t n = first;; n = builder->groups->next[n]) {
		builder->node = &builder->graph->nodes[n];
		chain_note_constants(build, &constants);
		if (n == last)
			break;
	}
	build->step.chain.period = chain_period(build, constants);
	floats = constants.scalars * CHAIN_PAD + constants.columns * chain_column_floats(build);
	build->constants = builder_weights(builder, floats * sizeof(float));
	build->step.chain.constants = build->constants;
	return build->constants ? 0 : builder->err->code;
}

static struct chain_operand chain_operand_constant(struct chain_build *build, uint32_t t)
{
	const struct builder *builder = build->builder;
	const struct tensor *in = &builder->graph->tensors[t], *out = builder_output(builder, 0);
	const void *from = chain_constant(builder, t);
	const bool scalar = chain_period_of(in, out) == 1;
	const size_t count = scalar ? CHAIN_PAD : build->step.chain.period;
	const struct chain_operand operand = { scalar ? CHAIN_SCALAR : CHAIN_COLUMN,
		build->first_free };
	float *to = build->constants + build->first_free;

	build->first_free += (uint32_t)(scalar ? CHAIN_PAD : chain_column_floats(build));
	for (size_t k = 0; k < count; k++) {
		size_t rest = k, at = 0, stride = 1;

		for (uint32_t d = 1; d <= in->rank; d++) { // from the last
			const size_t dim = (size_t)out->dims[out->rank - d];
			const size_t own = (size_t)in->dims[in->rank - d];

			at += own > 1 ? rest % dim * stride : 0;
			stride *= own;
			rest /= dim;
		}
		to[k] = (float)value_number(in->dtype, from, at);
	}
	return operand;
}

// Of strides for each dimension of `out`. Neighbouring dimensions along which the input moves as along
// one are one.
static struct chain_spread chain_spread_by(const struct tensor *out, const int64_t *by)
{
	struct chain_spread spread = { .row_values = (uint32_t)tensor_elements(out), .rank = 1 };
	uint32_t at = GRAPH_RANK_MAX; // filled from the last

	for (uint32_t d = out->rank; d-- > 0;) {
		const uint32_t dim = (uint32_t)out->dims[d];

		if (dim == 1)
			continue;
		if (at < GRAPH_RANK_MAX && by[d] == spread.strides[at] * spread.dims[at]) {
			spread.dims[at] *= dim;
			continue;
		}
		spread.dims[--at] = dim;
		spread.strides[at] = by[d];
	}
	if (at == GRAPH_RANK_MAX) { // one value
		spread.dims[0] = 1;
		return spread;
	}
	spread.rank = GRAPH_RANK_MAX - at;
	memmove(spread.dims, spread.dims + at, spread.rank * sizeof(*spread.dims));
	memmove(spread.strides, spread.strides + at, spread.rank * sizeof(*spread.strides));
	return spread;
}

static struct chain_spread chain_spread_broadcast(const struct tensor *in, const struct tensor *out)
{
	int64_t by[GRAPH_RANK_MAX], stride = 1;

	for (uint32_t d = 1; d <= out->rank; d++) { // from the last dimension
		const int64_t own = d <= in->rank ? in->dims[in->rank - d] : 1;

		by[out->rank - d] = own == 1 ? 0 : stride;
		stride *= own;
	}
	return chain_spread_by(out, by);
}

static struct chain_spread chain_spread_slice(
	const struct node *node, const struct tensor *in, const struct tensor *out)
{
	const int64_t *starts = node_attr(node, ATTR_STARTS)->ints;
	const int64_t *steps = node_attr(node, ATTR_STEPS)->ints;
	int64_t by[GRAPH_RANK_MAX], own[GRAPH_RANK_MAX], first = 0;
	struct chain_spread spread;

	tensor_strides(in, own);
	for (uint32_t d = 0; d < out->rank; d++) {
		by[d] = own[d] * steps[d];
		first += own[d] * starts[d];
	}
	spread = chain_spread_by(out, by);
	spread.first = first;
	return spread;
}

static uint32_t chain_input(struct chain_build *build, uint32_t i)
{
	const uint32_t root = build->builder->root[build->builder->node->inputs[i]];
	struct chain *chain = &build->step.chain;
	uint32_t k = 0;

	while (k < chain->n_inputs && build->tensors[k] != root)
		k++;
	if (k == chain->n_inputs) {
		assert(k < CHAIN_INPUTS_MAX);
		build->tensors[k] = root;
		build->step.inputs[k] = builder_input_buffer(build->builder, i);
		chain->n_inputs++;
	}
	return k;
}

// The index of the spread of input i of the node at hand. GRAPH_NONE: out of memory.
static uint32_t chain_add_spread(struct chain_build *build, uint32_t i)
{
	struct builder *builder = build->builder;
	const uint32_t index = build->n_spreads;
	const struct tensor *in;
	struct chain_spread spread;

	if ((index & (index - 1)) == 0) { // a power of two, or 0: full
		struct chain_spread *more =
			realloc(build->spreads, (index ? 2 * (size_t)index : 1) * sizeof(*more));

		if (!more)
			return GRAPH_NONE;
		build->spreads = more;
	}
	in = builder_input(builder, i);
	spread = builder->node->op == OP_SLICE
		? chain_spread_slice(builder->node, in, builder_output(builder, 0))
		: chain_spread_broadcast(in, builder_output(builder, 0));
	spread.bytes = in->dtype == DTYPE_BOOL;
	spread.input = chain_input(build, i);
	// A constant is the same in all rows.
	spread.row_step = chain_constant(builder, builder->node->inputs[i])
		? 0
		: (uint32_t)tensor_elements(in);
	build->spreads[index] = spread;
	build->n_spreads++;
	return index;
}

// Input i of the node at hand. A slot that is taken for it alone is noted in `spread`.
static int chain_operand(
	struct chain_build *build, uint32_t i, struct chain_operand *operand, uint32_t *spread)
{
	struct builder *builder = build->builder;
	const uint32_t t = builder->node->inputs[i], slot = builder->groups->slot[builder->root[t]];
	const struct tensor *in = &builder->graph->tensors[t], *out = builder_output(builder, 0);
	struct chain_operator *item;

	*spread = GRAPH_NONE;
	if (chain_constant(builder, t) && builder->node->op != OP_SLICE) {
		*operand = chain_operand_constant(build, t);
	} else if (slot != GRAPH_NONE) {
		*operand = (struct chain_operand){ CHAIN_SLOT, slot };
	} else if (in->dtype == DTYPE_F32 && tensor_elements(in) == tensor_elements(out) &&
		builder->node->op != OP_SLICE) {
		*operand = (struct chain_operand){ CHAIN_INPUT + chain_input(build, i), 0 };
	} else {
		*spread = chain_take_slot(build);
		item = chain_emit(build, CHAIN_SPREAD, *spread);
		item->spread = chain_add_spread(build, i);
		if (item->spread == GRAPH_NONE)
			return error_set(builder->err, -ENOMEM, "no memory for the plan");
		*operand = (struct chain_operand){ CHAIN_SLOT, *spread };
	}
	return 0;
}

// The kernel's operators of the node at hand, once its operands are there.
static void chain_emit_node(struct chain_build *build, struct chain_operand in[3], uint32_t to)
{
	const struct builder *builder = build->builder;
	const struct node *node = builder->node;
	const struct chain_form form = chain_form(builder->graph, node);
	const struct chain_operand result = { CHAIN_SLOT, to };
	struct act act = node->op == OP_AFFINE ? act_of_attributes(node) : act_of_operator(node);
	struct chain_operator *item = chain_emit(build, form.op, to);
	double by = 1;

	item->act = act;
	for (uint32_t k = 0; k < 3; k++)
		item->in[k] = in[form.swapped && k < 2 ? 1 - k : k];
	if (node->op == OP_AFFINE && act.kind != ACTIVATION_NONE) {
		item = chain_emit(build, CHAIN_ACT, to);
		item->act = act;
		item->in[0] = item->in[1] = item->in[2] = result;
	}
	if (node->op != OP_POW)
		return;
	item->in[1] = in[0];
	by = value_number(builder_input(builder, 1)->dtype, builder_input(builder, 1)->data, 0);
	if (by == 3 || by == -0.5) {
		item = chain_emit(build, by == 3 ? CHAIN_MUL : CHAIN_RECIPROCAL, to);
		item->in[0] = item->in[2] = result;
		item->in[1] = in[0];
	}
}

static int chain_node(struct chain_build *build)
{
	struct builder *builder = build->builder;
	const struct node *node = builder->node;
	const struct groups *groups = builder->groups;
	const uint32_t n_operands = node->op == OP_POW ? 1 : node->n_inputs;
	struct chain_operand in[3] = { 0 };
	uint32_t spread[3], to;

	if (node->op == OP_SLICE) { // reading it is all there is to do
		int rc = chain_operand(build, 0, &in[0], &spread[0]);

		groups->slot[node->outputs[0]] = spread[0];
		return rc;
	}
	for (uint32_t i = 0; i < n_operands; i++) {
		int rc = chain_operand(build, i, &in[i], &spread[i]);

		if (rc != 0)
			return rc;
	}
	for (uint32_t i = n_operands; i < 3; i++)
		in[i] = in[0];
	to = chain_take_slot(build);
	chain_emit_node(build, in, to);
	for (uint32_t i = 0; i < n_operands; i++) {
		const uint32_t root = builder->root[node->inputs[i]];

		if (spread[i] != GRAPH_NONE)
			build->used[spread[i]] = false;
		if (groups->slot[root] != GRAPH_NONE && --groups->reads[root] == 0)
			build->used[groups->slot[root]] = false;
	}
	groups->slot[node->outputs[0]] = to;
	return 0;
}

// What the group's nodes read, and how often; no result has a slot yet. Returns how many operators
// of the kernel suffice for them.
static uint32_t chain_survey(struct chain_build *build, uint32_t first, uint32_t last)
{
	struct builder *builder = build->builder;
	const struct groups *groups = builder->groups;
	uint32_t operators = 0;

	for (uint32_t n = first;; n = groups->next[n]) {
		const struct node *node = &builder->graph->nodes[n];

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			const uint32_t root = builder->root[node->inputs[i]];

			groups->slot[root] = GRAPH_NONE;
			groups->reads[root]++;
		}
		groups->slot[node->outputs[0]] = GRAPH_NONE;
		groups->reads[node->outputs[0]] = 0; // its readers come after it
		operators += 2 + node->n_inputs;
		if (n == last)
			return operators;
	}
}

// As many values as fit into the slots that are needed, which from here on are counted in floats.
static void chain_place_slots(struct chain_build *build)
{
	struct chain *chain = &build->step.chain;
	uint32_t block;

	assert(build->n_slots > 0); // each group has an operator, whose result takes one
	block = CHAIN_VALUES / build->n_slots;
	block -= block % CHAIN_PAD;
	chain->block = block < CHAIN_BLOCK_MAX ? block : CHAIN_BLOCK_MAX;
	for (uint32_t o = 0; o < chain->n_operators; o++) {
		struct chain_operator *item = &build->operators[o];

		item->to *= chain->block;
		for (uint32_t k = 0; k < 3; k++)
			item->in[k].first *= item->in[k].from == CHAIN_SLOT ? chain->block : 1;
	}
}

// Ends the step, for which the operators are moved into the plan's memory.
static int chain_finish(struct chain_build *build, uint32_t n_nodes)
{
	struct builder *builder = build->builder;
	const struct chain_kernel *kernel = chain_pick(builder->plan->isa_mask);
	struct chain *chain = &build->step.chain;
	struct step *step = builder->step;

	chain_place_slots(build);
	chain->operators = builder_params(
		builder, build->operators, chain->n_operators * sizeof(*chain->operators));
	chain->spreads =
		builder_params(builder, build->spreads, build->n_spreads * sizeof(*chain->spreads));
	if (!chain->operators || !chain->spreads)
		return builder->err->code;
	step->run = run_chain;
	step->kernel_run = kernel;
	step->per_row = (uint32_t)build->values;
	if (n_nodes > 1)
		step->op = "Elementwise";
	for (uint32_t i = 0; i < chain->n_inputs; i++)
		step->bytes_touched += build->step.inputs[i].row_bytes;
	snprintf(step->shape, sizeof(step->shape), "%" PRIu32 " operators x %" PRIu32, n_nodes,
		step->per_row);
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &build->step, sizeof(build->step));
}

int build_chain(struct builder *builder)
{
	const struct groups *groups = builder->groups;
	const uint32_t last = (uint32_t)(builder->node - builder->graph->nodes);
	const uint32_t first = groups->first[last];
	struct chain_build build = { .builder = builder,
		.values = (size_t)tensor_elements(builder_output(builder, 0)) };
	uint32_t n_nodes = 0;
	int rc = 0;

	build.operators = calloc(chain_survey(&build, first, last), sizeof(*build.operators));
	if (!build.operators)
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	rc = chain_take_constants(&build, first, last);
	for (uint32_t n = first; rc == 0; n = groups->next[n]) {
		builder->node = &builder->graph->nodes[n];
		rc = chain_node(&build);
		n_nodes++;
		if (n == last)
			break;
	}
	builder->node = &builder->graph->nodes[last];
	if (rc == 0)
		rc = chain_finish(&build, n_nodes);
	free(build.operators);
	free(build.spreads);
	return rc;
}
