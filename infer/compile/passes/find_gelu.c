// SPDX-License-Identifier: BSD-3-Clause
// Gelu, x Phi(x), as exporters spell it: x * 0.5 * (1 + erf(x / sqrt(2))), or by its approximation
// x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), in any order of factors.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"

#include <math.h>

#define FACTORS_MAX 4
#define DEPTH_MAX   6 // of products of products

// A product, its constants multiplied out.
struct product {
	uint32_t n, factors[FACTORS_MAX]; // tensors that are computed
	double constant;
};

struct gelu {
	struct graph *graph;
	struct uses uses;
};

static bool product_take(
	const struct gelu *gelu, uint32_t t, uint32_t depth, struct product *product);

static bool product_of_node(
	const struct gelu *gelu, const struct node *node, uint32_t depth, struct product *product)
{
	double by;

	if (node->op == OP_MUL)
		return product_take(gelu, node->inputs[0], depth, product) &&
			product_take(gelu, node->inputs[1], depth, product);
	if (node->op == OP_DIV && tensor_is_value(gelu->graph, node->inputs[1], &by) && by != 0) {
		product->constant /= by;
		return product_take(gelu, node->inputs[0], depth, product);
	}
	if (node->op != OP_POW || !tensor_is_value(gelu->graph, node->inputs[1], &by) ||
		(by != 2 && by != 3))
		return false;
	for (int times = (int)by; times > 0; times--) {
		if (!product_take(gelu, node->inputs[0], 0, product))
			return false;
	}
	return true;
}

// Tensor t as factors: as those of a product that nobody else reads, or as itself. False: there are
// too many.
static bool product_take(
	const struct gelu *gelu, uint32_t t, uint32_t depth, struct product *product)
{
	const uint32_t producer = gelu->uses.producer[t];
	const struct product before = *product;
	double value;

	if (tensor_is_value(gelu->graph, t, &value)) {
		product->constant *= value;
		return true;
	}
	if (depth > 0 && producer != GRAPH_NONE && gelu->uses.count[t] == 1) {
		if (product_of_node(gelu, &gelu->graph->nodes[producer], depth - 1, product))
			return true;
		*product = before;
	}
	if (product->n == FACTORS_MAX)
		return false;
	product->factors[product->n++] = t;
	return true;
}

// Exporters round in their own ways.
static bool gelu_near(double value, double wanted)
{
	return fabs(value - wanted) <= 2e-6 * wanted;
}

// Is t the n-th power of x, times the constant?
static bool is_power(const struct gelu *gelu, uint32_t t, uint32_t x, uint32_t n, double constant)
{
	struct product product = { .constant = 1 };

	if (!product_take(gelu, t, DEPTH_MAX, &product) || product.n != n ||
		!gelu_near(product.constant, constant))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (product.factors[i] != x)
			return false;
	}
	return true;
}

// Is t, which nobody else reads, x + the n-th power of x times the constant? x of GRAPH_NONE is 1.
static bool is_sum(const struct gelu *gelu, uint32_t t, uint32_t first, uint32_t x, uint32_t n,
	double constant)
{
	const struct node *add = uses_sole(&gelu->uses, gelu->graph, t, OP_ADD);
	double value;

	for (uint32_t i = 0; add && i < 2; i++) {
		const bool found = first == GRAPH_NONE
			? tensor_is_value(gelu->graph, add->inputs[i], &value) && value == 1
			: add->inputs[i] == first;

		if (found && is_power(gelu, add->inputs[!i], x, n, constant))
			return true;
	}
	return false;
}

// sqrt(2 / pi) (x + 0.044715 x^3), or x sqrt(2 / pi) (1 + 0.044715 x^2).
static bool is_tanh_of(const struct gelu *gelu, uint32_t t, uint32_t x)
{
	struct product product = { .constant = 1 };

	if (!product_take(gelu, t, DEPTH_MAX, &product) ||
		!gelu_near(product.constant, 0.79788456080286535588))
		return false;
	if (product.n == 1)
		return is_sum(gelu, product.factors[0], x, x, 3, 0.044715);
	for (uint32_t i = 0; product.n == 2 && i < 2; i++) {
		if (product.factors[i] == x &&
			is_sum(gelu, product.factors[!i], GRAPH_NONE, x, 2, 0.044715))
			return true;
	}
	return false;
}

// Is t 1 + erf(...) or 1 + tanh(...) of x?
static bool is_phi(const struct gelu *gelu, uint32_t t, uint32_t x, bool *by_tanh)
{
	const struct node *add = uses_sole(&gelu->uses, gelu->graph, t, OP_ADD), *node;
	double one = 0;
	uint32_t side;

	if (!add)
		return false;
	side = tensor_is_value(gelu->graph, add->inputs[0], &one);
	if (!side && !tensor_is_value(gelu->graph, add->inputs[1], &one))
		return false;
	if (one != 1)
		return false;
	node = uses_sole(&gelu->uses, gelu->graph, add->inputs[side], OP_ERF);
	*by_tanh = node == NULL;
	if (node)
		return is_power(gelu, node->inputs[0], x, 1, M_SQRT1_2);
	node = uses_sole(&gelu->uses, gelu->graph, add->inputs[side], OP_TANH);
	return node && is_tanh_of(gelu, node->inputs[0], x);
}

static bool is_gelu(const struct gelu *gelu, const struct node *node, uint32_t *x, bool *by_tanh)
{
	struct product product = { .constant = 1 };

	if (node->op != OP_MUL || !product_of_node(gelu, node, DEPTH_MAX, &product) ||
		product.n != 2 || product.constant != 0.5)
		return false;
	for (uint32_t i = 0; i < 2; i++) {
		*x = product.factors[i];
		if (gelu->graph->tensors[*x].rank == gelu->graph->tensors[node->outputs[0]].rank &&
			is_phi(gelu, product.factors[!i], *x, by_tanh))
			return true;
	}
	return false;
}

int pass_find_gelu(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct gelu gelu = { .graph = graph };
	int changes = 0;

	if (uses_init(&gelu.uses, graph, err))
		return err->code;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];
		bool by_tanh;
		uint32_t x;

		if (!is_gelu(&gelu, node, &x, &by_tanh))
			continue;
		node->op = OP_GELU;
		node->n_attrs = 0;
		node->n_inputs = 1;
		node->inputs = arena_memdup(graph->arena, &x, sizeof(x));
		if (!node->inputs || node_set_int(graph, node, ATTR_APPROXIMATE, by_tanh)) {
			changes = error_set(err, -ENOMEM, "out of memory");
			break;
		}
		report_add(report, "made '%s' and what it is computed of a Gelu", node->name);
		changes++;
	}
	uses_fini(&gelu.uses);
	return changes;
}
