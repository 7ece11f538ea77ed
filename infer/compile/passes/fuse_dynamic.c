// SPDX-License-Identifier: BSD-3-Clause
// Products of rows that are quantised while the model runs, as ONNX Runtime's quantize_dynamic()
// writes them:
//
//	q, x_scale, x_zero = DynamicQuantizeLinear(x)
//	y = Cast(MatMulInteger(q, W, x_zero, w_zero)) * (x_scale * w_scale) [+ b]
//
// become DynamicQDense, which computes the same floats in the same order; DynamicQuantizeLinear
// stays, others may read it. Weights that do not fit in int8 once their zero point is taken off
// keep what is left of it. A MatMulInteger that is followed by something else becomes a QDense,
// where its zero points are constant.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/quantised.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"

struct dynamic {
	struct node *node, *last; // MatMulInteger, and the last node that is replaced
	const struct tensor *w, *w_zero;
	int64_t k, n;
	int32_t taken; // subtracted from all weights; ALL_OF_IT: the zero point of each column is
	uint32_t x_scale;     // GRAPH_NONE: 1
	const float *w_scale; // [1] or [N]; NULL: 1
	const float *bias;    // like w_scale; NULL: 0
	int64_t n_scales, n_bias;
};
#define ALL_OF_IT 256

struct dynamic_fuser {
	struct graph *graph;
	struct finder find;
	struct compile_report *report;
	struct error *err;
};

static int32_t dynamic_zero_of(const struct dynamic *d, int64_t column)
{
	if (!d->w_zero)
		return 0;
	return quantised_value(
		d->w->dtype, d->w_zero->data, tensor_elements(d->w_zero) == 1 ? 0 : column);
}

static int32_t dynamic_taken_from(const struct dynamic *d, int64_t column)
{
	return d->taken == ALL_OF_IT ? dynamic_zero_of(d, column) : d->taken;
}

static bool dynamic_is_single(const struct tensor *tensor)
{
	return tensor->rank <= 1 && tensor_elements(tensor) == 1;
}

// Is the node a MatMulInteger of computed bytes with one zero point, by constant weights?
static bool dynamic_find_product(const struct finder *f, struct dynamic *d)
{
	const struct tensor *x = finder_input(f, d->node, 0), *zero = finder_input(f, d->node, 2);

	d->w = finder_input(f, d->node, 1);
	d->w_zero = finder_input(f, d->node, 3);
	if (d->node->op != OP_MATMUL_INTEGER || d->node->n_inputs < 2 || x->data || x->rank == 0 ||
		!d->w->data || d->w->rank != 2 || (zero && !dynamic_is_single(zero)) ||
		(d->w_zero && !d->w_zero->data))
		return false;
	d->k = d->w->dims[0];
	d->n = d->w->dims[1];
	d->taken = ALL_OF_IT;
	for (int64_t i = 0; i < d->k * d->n; i++) {
		const int32_t q = quantised_value(d->w->dtype, d->w->data, i);
		const int32_t value = q - dynamic_zero_of(d, i % d->n);

		if (value < INT8_MIN || value > INT8_MAX) {
			d->taken = d->w->dtype == DTYPE_U8 ? 128 : 0;
			break;
		}
	}
	return d->k > 0 && d->n > 0;
}

// Reads a constant of F32, one value for all columns or one for each, that is combined with an
// operand of `shape`.
static bool dynamic_read_columns(
	const struct tensor *c, const struct tensor *shape, const float **values, int64_t *count)
{
	if (!c->data || c->dtype != DTYPE_F32 || c->rank > shape->rank)
		return false;
	*values = c->data;
	*count = tensor_elements(c);
	return *count == 1 ||
		(c->dims[c->rank - 1] == *count && shape->dims[shape->rank - 1] == *count);
}

// The other operand of a node of two, one of which is `tensor`; GRAPH_NONE: both are.
static uint32_t dynamic_other_than(const struct node *node, uint32_t tensor)
{
	if (node->n_inputs != 2 || node->inputs[0] == node->inputs[1])
		return GRAPH_NONE;
	return node->inputs[node->inputs[0] == tensor];
}

// Reads what the sums are multiplied by: x_scale * w_scale, either of them alone, or a constant.
static bool dynamic_find_scales(
	const struct finder *f, uint32_t tensor, const struct tensor *sums, struct dynamic *d)
{
	const struct tensor *scale = &f->graph->tensors[tensor];
	const struct node *mul = finder_maker(f, tensor);

	d->x_scale = GRAPH_NONE;
	if (dynamic_read_columns(scale, sums, &d->w_scale, &d->n_scales))
		return true;
	if (scale->data || scale->dtype != DTYPE_F32)
		return false;
	for (uint32_t i = 0; mul && mul->op == OP_MUL && i < 2; i++) {
		const struct tensor *x_scale = finder_input(f, mul, i);

		if (x_scale->data || !dynamic_is_single(x_scale) ||
			!dynamic_read_columns(
				finder_input(f, mul, 1 - i), sums, &d->w_scale, &d->n_scales))
			continue;
		d->x_scale = mul->inputs[i];
		return true;
	}
	d->x_scale = tensor;
	d->w_scale = NULL;
	return dynamic_is_single(scale);
}

// Cast, Mul and perhaps Add behind the product. False: something else is.
static bool dynamic_find_epilogue(const struct finder *f, struct dynamic *d)
{
	const struct node *cast = finder_sole_reader(f, d->node);
	const struct tensor *sums;
	struct node *mul, *add;
	uint32_t scales, bias;

	if (!cast || cast->op != OP_CAST)
		return false;
	sums = &f->graph->tensors[cast->outputs[0]];
	mul = finder_sole_reader(f, cast);
	if (sums->dtype != DTYPE_F32 || !mul || mul->op != OP_MUL)
		return false;
	scales = dynamic_other_than(mul, cast->outputs[0]);
	if (scales == GRAPH_NONE || f->graph->tensors[mul->outputs[0]].rank != sums->rank ||
		!dynamic_find_scales(f, scales, sums, d))
		return false;
	d->last = mul;
	add = finder_sole_reader(f, mul);
	if (!add || add->op != OP_ADD)
		return true;
	bias = dynamic_other_than(add, mul->outputs[0]);
	if (bias != GRAPH_NONE &&
		dynamic_read_columns(&f->graph->tensors[bias], sums, &d->bias, &d->n_bias))
		d->last = add;
	else
		d->bias = NULL;
	return true;
}

// --- The node that replaces them -----------------------------------------------------------------

static uint32_t fuse_dynamic_constant(
	struct dynamic_fuser *f, const struct dynamic *d, enum dtype dtype, void **data)
{
	return pass_constant_of(f->graph, d->node->name, dtype, 1, d->n, 0, data, f->err);
}

static uint32_t dynamic_columns(struct dynamic_fuser *f, const struct dynamic *d, const float *from,
	int64_t count, float otherwise)
{
	void *to;
	const uint32_t tensor = fuse_dynamic_constant(f, d, DTYPE_F32, &to);

	for (int64_t i = 0; i < d->n && tensor != GRAPH_NONE; i++)
		((float *)to)[i] = from ? from[count == 1 ? 0 : i] : otherwise;
	return tensor;
}

static uint32_t dynamic_weights(struct dynamic_fuser *f, const struct dynamic *d)
{
	void *w;
	const uint32_t tensor =
		pass_constant_of(f->graph, d->node->name, DTYPE_I8, 2, d->k, d->n, &w, f->err);

	for (int64_t i = 0; i < d->k * d->n && tensor != GRAPH_NONE; i++)
		((int8_t *)w)[i] = (int8_t)(quantised_value(d->w->dtype, d->w->data, i) -
			dynamic_taken_from(d, i % d->n));
	return tensor;
}

static int fuse_dynamic_set_inputs(
	struct dynamic_fuser *f, struct dynamic *d, const uint32_t *inputs, uint32_t n)
{
	d->node->inputs = arena_memdup(f->graph->arena, inputs, n * sizeof(*inputs));
	d->node->n_inputs = n;
	d->node->n_attrs = 0;
	return d->node->inputs ? 0 : error_set(f->err, -ENOMEM, "out of memory");
}

static int make_dynamic(struct dynamic_fuser *f, struct dynamic *d)
{
	const struct node *node = d->node;
	uint32_t inputs[7] = { node->inputs[0] }, n = 6;
	float *one;
	void *zeros;

	inputs[1] = dynamic_weights(f, d);
	inputs[2] = dynamic_columns(f, d, d->w_scale, d->n_scales, 1.0f);
	inputs[3] = dynamic_columns(f, d, d->bias, d->n_bias, 0.0f);
	inputs[4] = d->x_scale;
	inputs[5] = node->n_inputs > 2 ? node->inputs[2] : GRAPH_NONE;
	if (d->x_scale == GRAPH_NONE) {
		inputs[4] = pass_constant(f->graph, node->name, 1, 1, 0, &one, f->err);
		if (inputs[4] != GRAPH_NONE)
			*one = 1.0f;
	}
	if (d->taken != ALL_OF_IT) {
		n = 7;
		inputs[6] = fuse_dynamic_constant(f, d, DTYPE_I32, &zeros);
		for (int64_t i = 0; i < d->n && inputs[6] != GRAPH_NONE; i++)
			((int32_t *)zeros)[i] = dynamic_zero_of(d, i) - d->taken;
	}
	for (uint32_t i = 1; i < 5; i++) {
		if (inputs[i] == GRAPH_NONE)
			return f->err->code;
	}
	if ((n == 7 && inputs[6] == GRAPH_NONE) || fuse_dynamic_set_inputs(f, d, inputs, n) != 0)
		return f->err->code;
	d->node->op = OP_DYNAMIC_QDENSE;
	uses_swap_outputs(d->node, d->last);
	return 0;
}

// A MatMulInteger whose sums are the result: the zero point of x becomes part of a bias.
static int dynamic_make_sums(struct dynamic_fuser *f, struct dynamic *d)
{
	const struct tensor *x = finder_input(&f->find, d->node, 0);
	const struct tensor *zero = finder_input(&f->find, d->node, 2);
	const uint32_t x_zero = (uint32_t)(zero ? quantised_value(x->dtype, zero->data, 0) : 0);
	uint32_t inputs[4] = { d->node->inputs[0] };
	void *b;

	inputs[1] = dynamic_weights(f, d);
	inputs[2] = fuse_dynamic_constant(f, d, DTYPE_I32, &b);
	inputs[3] = dynamic_columns(f, d, NULL, 0, 1.0f);
	if (inputs[1] == GRAPH_NONE || inputs[2] == GRAPH_NONE || inputs[3] == GRAPH_NONE)
		return f->err->code;
	for (int64_t i = 0; i < d->k * d->n; i++) {
		const int8_t *w = f->graph->tensors[inputs[1]].data;

		((uint32_t *)b)[i % d->n] -= x_zero * (uint32_t)w[i];
	}
	if (fuse_dynamic_set_inputs(f, d, inputs, 4) != 0 ||
		node_set_int(f->graph, d->node, ATTR_TO, DTYPE_I32) != 0)
		return error_set(f->err, -ENOMEM, "out of memory");
	d->node->op = OP_QDENSE;
	return 0;
}

// Returns 1 where the nodes were replaced, 0 where they stay as they are.
static int fuse_dynamic_node(struct dynamic_fuser *f, struct node *node)
{
	struct dynamic d = { .node = node };
	const struct tensor *zero;
	int rc;

	if (node->op != OP_MATMUL_INTEGER || !dynamic_find_product(&f->find, &d))
		return 0;
	zero = finder_input(&f->find, node, 2);
	if (dynamic_find_epilogue(&f->find, &d))
		rc = make_dynamic(f, &d);
	else if ((!zero || zero->data) && d.taken == ALL_OF_IT)
		rc = dynamic_make_sums(f, &d);
	else
		return 0;
	if (rc != 0)
		return rc;
	report_add(f->report, "fused '%s' into 8 bits: %s [%lld] to %s [%lld]", node->name,
		dtype_name(f->graph->tensors[node->inputs[0]].dtype), (long long)d.k,
		dtype_name(f->graph->tensors[node->outputs[0]].dtype), (long long)d.n);
	return 1;
}

int pass_fuse_dynamic(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct dynamic_fuser f = { .graph = graph, .report = report, .err = err };
	int changes = 0, rc;

	if (finder_init(&f.find, graph, err) != 0)
		return err->code;
	for (uint32_t n = 0; n < graph->n_nodes && changes >= 0; n++) {
		rc = fuse_dynamic_node(&f, &graph->nodes[n]);
		changes = rc < 0 ? rc : changes + rc;
	}
	finder_fini(&f.find);
	return changes;
}
