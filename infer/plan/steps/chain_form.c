// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/steps/chain_form.h"
#include "infer/graph/act.h"
#include "infer/ops/values.h"

static struct chain_form chain_form_of_pow(const struct graph *graph, const struct node *node)
{
	const struct tensor *exponent = &graph->tensors[node->inputs[1]];
	double by;

	if (!exponent->data || tensor_elements(exponent) != 1)
		return (struct chain_form){ 0 };
	by = value_number(exponent->dtype, exponent->data, 0);
	return (struct chain_form){ by == 2 || by == 3 || by == 0.5 || by == -0.5 || by == -1,
		by >= 2            ? CHAIN_MUL
			: by == -1 ? CHAIN_RECIPROCAL
				   : CHAIN_POW_HALF,
		false };
}

static struct chain_form chain_form_of_cast(const struct graph *graph, const struct node *node)
{
	const enum dtype from = graph->tensors[node->inputs[0]].dtype;

	if (graph->tensors[node->outputs[0]].dtype == DTYPE_BOOL && from == DTYPE_F32)
		return (struct chain_form){ true, CHAIN_TRUTH, false };
	return (struct chain_form){ true, CHAIN_ACT, false };
}

struct chain_form chain_form(const struct graph *graph, const struct node *node)
{
	static const struct chain_form FORMS[OP_COUNT] = {
		[OP_ADD] = { true, CHAIN_ADD, false },
		[OP_SUB] = { true, CHAIN_SUB, false },
		[OP_MUL] = { true, CHAIN_MUL, false },
		[OP_DIV] = { true, CHAIN_DIV, false },
		[OP_MIN] = { true, CHAIN_MIN, false },
		[OP_MAX] = { true, CHAIN_MAX, false },
		[OP_LESS] = { true, CHAIN_LESS, false },
		[OP_LESS_OR_EQUAL] = { true, CHAIN_LESS_OR_EQUAL, false },
		[OP_GREATER] = { true, CHAIN_LESS, true },
		[OP_GREATER_OR_EQUAL] = { true, CHAIN_LESS_OR_EQUAL, true },
		[OP_EQUAL] = { true, CHAIN_EQUAL, false },
		[OP_AND] = { true, CHAIN_AND, false },
		[OP_OR] = { true, CHAIN_OR, false },
		[OP_XOR] = { true, CHAIN_XOR, false },
		[OP_NOT] = { true, CHAIN_NOT, false },
		[OP_IS_NAN] = { true, CHAIN_IS_NAN, false },
		[OP_WHERE] = { true, CHAIN_PICK, false },
		[OP_PRELU] = { true, CHAIN_PRELU, false },
		[OP_AFFINE] = { true, CHAIN_AFFINE, false },
		[OP_NEG] = { true, CHAIN_NEG, false },
		[OP_ABS] = { true, CHAIN_ABS, false },
		[OP_SIGN] = { true, CHAIN_SIGN, false },
		[OP_FLOOR] = { true, CHAIN_FLOOR, false },
		[OP_CEIL] = { true, CHAIN_CEIL, false },
		[OP_ROUND] = { true, CHAIN_ROUND, false },
		[OP_RECIPROCAL] = { true, CHAIN_RECIPROCAL, false },
		[OP_SQRT] = { true, CHAIN_SQRT, false },
		[OP_EXP] = { true, CHAIN_EXP, false },
		[OP_LOG] = { true, CHAIN_LOG, false },
		[OP_ERF] = { true, CHAIN_ERF, false },
		[OP_SLICE] = { true, CHAIN_SPREAD, false },
	};

	if (node->op == OP_POW)
		return chain_form_of_pow(graph, node);
	if (node->op == OP_CAST)
		return chain_form_of_cast(graph, node);
	if (act_of_operator(node).kind != ACTIVATION_NONE)
		return (struct chain_form){ true, CHAIN_ACT, false };
	return FORMS[node->op];
}

static bool chain_takes_dtype(enum dtype dtype)
{
	return dtype == DTYPE_F32 || dtype == DTYPE_BOOL;
}

bool chain_takes(const struct graph *graph, const struct node *node)
{
	const bool pow = node->op == OP_POW;
	bool computed = false;

	if (node->n_inputs == 0 || node->n_inputs > 3 || node->n_outputs != 1)
		return false;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const struct tensor *in;

		if (node->inputs[i] == GRAPH_NONE)
			return false;
		in = &graph->tensors[node->inputs[i]];
		computed |= !in->data;
		if (in->data ? in->dtype != DTYPE_F32 && !pow : !chain_takes_dtype(in->dtype))
			return false;
	}
	return computed && chain_takes_dtype(graph->tensors[node->outputs[0]].dtype) &&
		chain_form(graph, node).known;
}
