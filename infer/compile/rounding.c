// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/rounding.h"

#include "infer/compile/evaluate.h"
#include "infer/graph/trees.h"

#include <math.h>

#define ROUNDINGS_OF_FUNCTION 4.0 // that a kernel's function may be off
#define ROUNDING_ALIKE        1.001 // times the least that squares of terms add up to: the terms are alike

// Of trees: are the sums of whole numbers, as of votes, and so small that none is rounded?
static bool rounding_is_exact(const struct graph *graph, const struct node *node)
{
	static const uint32_t SUMMED[] = { TREES_WEIGHT, TREES_BASE };
	double sum = 0;

	if (node->n_inputs > TREES_LINEAR_FIRST && node->inputs[TREES_LINEAR_FIRST] != GRAPH_NONE)
		return false;
	for (size_t i = 0; i < sizeof(SUMMED) / sizeof(*SUMMED); i++) {
		const struct tensor *tensor = &graph->tensors[node->inputs[SUMMED[i]]];
		const float *values = tensor->data;
		const int64_t n = tensor_elements(tensor);

		for (int64_t e = 0; e < n; e++) {
			if (values[e] != rintf(values[e]))
				return false;
			sum += fabs((double)values[e]);
		}
	}
	return sum < 0x1p24;
}

enum rounding rounding_of(const struct graph *graph, const struct node *node)
{
	if (node->outputs[0] == GRAPH_NONE || graph->tensors[node->outputs[0]].dtype != DTYPE_F32)
		return ROUNDING_NONE;
	switch (node->op) {
	case OP_RELU:
	case OP_CLIP:
	case OP_IDENTITY:
	case OP_RESHAPE:
	case OP_CONCAT:
	case OP_CAST:
	case OP_ABS:
	case OP_NEG:
	case OP_CEIL:
	case OP_FLOOR:
	case OP_ROUND:
	case OP_SIGN:
	case OP_MOD:
	case OP_MIN:
	case OP_MAX:
	case OP_WHERE:
	case OP_TRANSPOSE:
	case OP_REDUCE_MAX:
	case OP_REDUCE_MIN:
	case OP_TOP_K:
	case OP_SLICE:
	case OP_PAD:
	case OP_TILE:
	case OP_GATHER:
	case OP_GATHER_ELEMENTS:
	case OP_GATHER_ND:
	case OP_ONE_HOT:
	case OP_MAX_POOL:
		return ROUNDING_NONE;
	case OP_DENSE:
	case OP_AFFINE:
	case OP_CONV:
		return node_int(node, ATTR_ACTIVATION, ACTIVATION_NONE) == ACTIVATION_NONE
			? ROUNDING_SUMMED
			: ROUNDING_WITHIN;
	case OP_GEMM:
	case OP_MATMUL:
	case OP_ADD:
	case OP_SUB:
	case OP_BATCH_NORM:
	case OP_REDUCE_SUM:
	case OP_REDUCE_MEAN:
	case OP_CUM_SUM:
	case OP_CONV_TRANSPOSE:
	case OP_AVERAGE_POOL:
		return ROUNDING_SUMMED;
	case OP_TREES:
		return rounding_is_exact(graph, node) ? ROUNDING_NONE : ROUNDING_SUMMED;
	case OP_MUL:
	case OP_DIV:
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
	case OP_EXP:
	case OP_LOG:
	case OP_SQRT:
	case OP_RECIPROCAL:
	case OP_ERF:
	case OP_POW:
		return ROUNDING_ROUNDED;
	default:
		return ROUNDING_WITHIN;
	}
}

bool rounding_is_of_mean(enum op op)
{
	return op == OP_REDUCE_MEAN || op == OP_AVERAGE_POOL;
}

double rounding_terms(const struct graph *graph, const struct node *node)
{
	const uint64_t work = evaluate_work(graph, node);
	const int64_t out = tensor_elements(&graph->tensors[node->outputs[0]]);
	int64_t in = 0;

	if (node->op == OP_TREES)
		return (double)graph->tensors[node->inputs[TREES_ROOT]].dims[0];
	if (node->inputs[0] != GRAPH_NONE)
		in = tensor_elements(&graph->tensors[node->inputs[0]]);
	return fmax((double)work, (double)in) / fmax(1.0, (double)out);
}

// Each product is rounded, and each partial sum. In a random order partial sums go to the result in
// a straight line but for a random walk that ends at 0 (a Brownian bridge): the squares of all add
// up to a third of terms * sum^2 and a sixth of terms * squares. Two kernels that add in another
// order are off twice. Terms that are all alike, as the squares tell, are rounded all alike, too:
// those errors add up, to half of each partial sum.
double rounding_of_sum(double terms, double sum, double magnitude, double squares)
{
	const double most = magnitude * magnitude, least = most / fmax(1.0, terms);
	const double spread = fmin(fmax(isfinite(squares) ? squares : most, least), most);
	const double by_chance = sqrt(spread + terms * (2.0 * sum * sum + spread) / 3.0);

	return spread <= least * ROUNDING_ALIKE ? fmax(by_chance, terms / 2 * magnitude)
						: by_chance;
}

bool rounding_may_flush(enum op op)
{
	return op == OP_EXP || op == OP_SIGMOID || op == OP_SOFTMAX;
}

bool rounding_is_of_difference(enum op op)
{
	return op == OP_GELU || op == OP_ELU || op == OP_SELU || op == OP_ERF ||
		op == OP_HARD_SIGMOID;
}

// The terms that a Softmax divides by may be alike, and then their errors add up.
double rounding_count(const struct graph *graph, const struct node *node)
{
	const struct tensor *x;

	if (node->op != OP_SOFTMAX && node->op != OP_LOG_SOFTMAX)
		return ROUNDINGS_OF_FUNCTION;
	x = &graph->tensors[node->inputs[0]];
	return fmax(ROUNDINGS_OF_FUNCTION, (double)x->dims[x->rank - 1] / 2);
}

// Of trees, only what is at leaves.
bool rounding_takes_magnitude(enum op op, uint32_t i)
{
	if (op == OP_TREES)
		return i == TREES_WEIGHT || i == TREES_BASE || i == TREES_LINEAR_CONSTANT ||
			i == TREES_LINEAR_COEFFICIENT;
	return op != OP_BATCH_NORM || i != 4; // the variance
}

bool rounding_is_subtracted(enum op op, uint32_t i)
{
	return (op == OP_SUB && i == 1) || (op == OP_BATCH_NORM && i == 3);
}
