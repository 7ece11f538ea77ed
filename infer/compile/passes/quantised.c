// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantised.h"
#include "infer/compile/passes/uses.h"

#include <math.h>
#include <stdlib.h>

int finder_init(struct finder *f, const struct graph *graph, struct error *err)
{
	*f = (struct finder){ .graph = graph };
	if (uses_init(&f->uses, graph, err))
		return err->code;
	f->reader = malloc(((size_t)graph->n_tensors + 1) * sizeof(*f->reader));
	if (!f->reader) {
		finder_fini(f);
		return error_set(err, -ENOMEM, "out of memory for %u tensors", graph->n_tensors);
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		f->reader[t] = GRAPH_NONE;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				f->reader[node->inputs[i]] = n;
		}
	}
	return 0;
}

void finder_fini(struct finder *f)
{
	uses_fini(&f->uses);
	free(f->reader);
	f->reader = NULL;
}

const struct tensor *finder_input(const struct finder *f, const struct node *node, uint32_t i)
{
	return i < node->n_inputs && node->inputs[i] != GRAPH_NONE
		? &f->graph->tensors[node->inputs[i]]
		: NULL;
}

struct node *finder_maker(const struct finder *f, uint32_t tensor)
{
	const uint32_t producer = f->uses.producer[tensor];

	return producer == GRAPH_NONE ? NULL : &f->graph->nodes[producer];
}

struct node *finder_sole_reader(const struct finder *f, const struct node *node)
{
	const uint32_t tensor = node->outputs[0];

	if (f->uses.count[tensor] != 1 || f->reader[tensor] == GRAPH_NONE)
		return NULL;
	return &f->graph->nodes[f->reader[tensor]];
}

static bool quantised_is_byte(enum dtype dtype)
{
	return dtype == DTYPE_U8 || dtype == DTYPE_I8;
}

int32_t quantised_value(enum dtype dtype, const void *values, int64_t i)
{
	if (!values)
		return 0;
	return dtype == DTYPE_I8 ? ((const int8_t *)values)[i] : ((const uint8_t *)values)[i];
}

// One constant scale that divides, and one zero point of `dtype`.
static bool quantised_read_quantum(
	enum dtype dtype, const struct tensor *scale, const struct tensor *zero, struct quantum *q)
{
	if (!quantised_is_byte(dtype) || !scale || !scale->data || tensor_elements(scale) != 1 ||
		(zero && (!zero->data || tensor_elements(zero) != 1)))
		return false;
	q->dtype = dtype;
	q->scale = *(const float *)scale->data;
	q->zero = quantised_value(dtype, zero ? zero->data : NULL, 0);
	return isnormal(q->scale) && q->scale > 0;
}

bool quantised_quantum(const struct finder *f, const struct node *node, struct quantum *q)
{
	const uint32_t bytes = node->op == OP_QUANTIZE_LINEAR ? node->outputs[0] : node->inputs[0];

	return quantised_read_quantum(f->graph->tensors[bytes].dtype, finder_input(f, node, 1),
		finder_input(f, node, 2), q);
}

static bool quantised_find_input(const struct finder *f, struct quantised_product *p)
{
	struct node *node = finder_maker(f, p->node->inputs[0]);

	if (node && !p->is_conv && node->op == OP_RESHAPE && f->uses.count[node->outputs[0]] == 1) {
		p->shape = node;
		node = finder_maker(f, node->inputs[0]);
	}
	if (!node || node->op != OP_DEQUANTIZE_LINEAR)
		return false;
	p->x = node->inputs[0];
	return quantised_quantum(f, node, &p->in);
}

static bool quantised_fits_weights(const struct finder *f, const struct quantised_product *p)
{
	const struct quantised_weights *w = &p->w;
	const int64_t count = p->k * p->n;

	if (!quantised_is_byte(w->q.dtype) || !w->q.data || !w->scales || p->k < 1 || p->n < 1 ||
		(w->n_scales != 1 && w->n_scales != p->n) ||
		(w->zeros && w->n_zeros != 1 && w->n_zeros != p->n))
		return false;
	for (int64_t i = 0; i < count; i++) {
		const int64_t column = w->transposed ? i / p->k : i % p->n;
		const int32_t value = quantised_value(w->q.dtype, w->q.data, i) -
			quantised_value(w->q.dtype, w->zeros, w->n_zeros == 1 ? 0 : column);

		if (value < INT8_MIN || value > INT8_MAX)
			return false;
	}
	for (int64_t i = 0; i < w->n_scales; i++) {
		if (!isnormal(w->scales[i]))
			return false;
	}
	return true;
}

// Quantised weights and how, by the DequantizeLinear that made them. Their columns are `axis`.
static bool quantised_read_weights(const struct finder *f, const struct node *node,
	uint32_t columns, struct quantised_product *p)
{
	const struct tensor *scale, *zero;
	uint32_t axis;

	if (!node || node->op != OP_DEQUANTIZE_LINEAR)
		return false;
	p->w.q = *finder_input(f, node, 0);
	scale = finder_input(f, node, 1);
	zero = finder_input(f, node, 2);
	p->w.scales = scale->data;
	p->w.n_scales = tensor_elements(scale);
	p->w.zeros = zero ? zero->data : NULL;
	p->w.n_zeros = zero ? tensor_elements(zero) : 0;
	if (p->w.n_scales > 1 && (node_axis(node, p->w.q.rank, 1, &axis) != 0 || axis != columns))
		return false;
	return quantised_fits_weights(f, p);
}

// Constants that DequantizeLinear made, perhaps transposed since.
static bool quantised_find_weights(const struct finder *f, struct quantised_product *p)
{
	const struct tensor *made = finder_input(f, p->node, 1);
	const struct node *node = made->folded;

	if (!node)
		return false;
	if (p->is_conv) { // [M, C / group, ...]
		p->w.transposed = true;
		p->n = made->dims[0];
		p->k = p->n ? tensor_elements(made) / p->n : 0;
		return quantised_read_weights(f, node, 0, p);
	}
	if (made->rank != 2)
		return false;
	p->w.transposed = p->node->op == OP_GEMM && node_int(p->node, ATTR_TRANS_B, 0) != 0;
	p->k = made->dims[p->w.transposed ? 1 : 0];
	p->n = made->dims[p->w.transposed ? 0 : 1];
	if (node->op == OP_TRANSPOSE) {
		const struct attr *perm = node_attr(node, ATTR_PERM);

		if (!perm || perm->count != 2 || perm->ints[0] == 1) // or else it changes nothing
			p->w.transposed = !p->w.transposed;
		node = finder_input(f, node, 0)->folded;
	}
	return quantised_read_weights(f, node, p->w.transposed ? 0 : 1, p);
}

// A constant added to each row: one value, or one for each column.
static bool quantised_read_added(const struct quantised_product *p, const struct tensor *c,
	const float **values, int64_t *count)
{
	if (!c || !c->data || c->dtype != DTYPE_F32)
		return false;
	*count = tensor_elements(c);
	*values = c->data;
	if (c->rank > 1 && c->dims[c->rank - 1] != *count)
		return false;
	return *count == 1 || *count == p->n;
}

// Add, then Relu or Clip, then QuantizeLinear: as much of it as is there. Only rounding knows how
// to cut, so that an activation without a QuantizeLinear stays.
static void quantised_find_rest(const struct finder *f, struct quantised_product *p)
{
	struct node *next = finder_sole_reader(f, p->node), *cut = NULL;
	double low = -INFINITY, high = INFINITY;

	p->last = p->node;
	if (next && next->op == OP_ADD && !p->is_conv) {
		const uint32_t other = next->inputs[next->inputs[0] == p->node->outputs[0]];

		if (quantised_read_added(p, &f->graph->tensors[other], &p->added, &p->n_added)) {
			p->last = next;
			next = finder_sole_reader(f, next);
		}
	}
	if (next && (next->op == OP_RELU || next->op == OP_CLIP)) {
		cut = next;
		low = cut->op == OP_RELU ? 0 : (double)node_float(cut, ATTR_MIN, -INFINITY);
		high = cut->op == OP_RELU ? INFINITY : (double)node_float(cut, ATTR_MAX, INFINITY);
		next = finder_sole_reader(f, cut);
	}
	if (!next || next->op != OP_QUANTIZE_LINEAR || !quantised_quantum(f, next, &p->out))
		return;
	p->is_requantised = true;
	p->last = next;
	p->low = p->out.dtype == DTYPE_I8 ? -128 : 0;
	p->high = p->low + 255;
	low = nearbyint(low / (double)p->out.scale) + p->out.zero;
	high = nearbyint(high / (double)p->out.scale) + p->out.zero;
	p->low = low > p->low ? (int32_t)fmin(low, p->high) : p->low;
	p->high = high < p->high ? (int32_t)fmax(high, p->low) : p->high;
}

static bool quantised_find_float_product(const struct finder *f, struct quantised_product *p)
{
	const struct tensor *c = p->node->op == OP_MATMUL ? NULL : finder_input(f, p->node, 2);

	if (p->node->n_inputs < 2 || f->graph->tensors[p->node->inputs[0]].data ||
		node_int(p->node, ATTR_TRANS_A, 0) != 0 || !quantised_find_input(f, p) ||
		!quantised_find_weights(f, p))
		return false;
	p->alpha = (double)node_float(p->node, ATTR_ALPHA, 1);
	p->beta = (double)node_float(p->node, ATTR_BETA, 1);
	if (p->node->op != OP_GEMM)
		p->alpha = p->beta = 1;
	if (c && !quantised_read_added(p, c, &p->c, &p->n_c))
		return false;
	quantised_find_rest(f, p);
	return p->alpha != 0 && isfinite(p->alpha) && isfinite(p->beta);
}

static bool quantised_find_qlinear_product(const struct finder *f, struct quantised_product *p)
{
	const struct node *node = p->node;
	const struct tensor *x = finder_input(f, node, 0), *w = finder_input(f, node, 3);
	const struct tensor *scale = finder_input(f, node, 4), *zero = finder_input(f, node, 5);
	const struct tensor *bias = finder_input(f, node, 8);

	if (x->data || (w->rank != 2 && !p->is_conv) || !w->data || !scale->data || !zero->data ||
		(bias && !bias->data) ||
		!quantised_read_quantum(
			x->dtype, finder_input(f, node, 1), finder_input(f, node, 2), &p->in) ||
		!quantised_read_quantum(f->graph->tensors[node->outputs[0]].dtype,
			finder_input(f, node, 6), finder_input(f, node, 7), &p->out))
		return false;
	p->x = node->inputs[0];
	p->last = p->node;
	p->n = w->dims[p->is_conv ? 0 : 1];
	p->k = p->n ? tensor_elements(w) / p->n : 0;
	p->w = (struct quantised_weights){ .q = *w,
		.transposed = p->is_conv,
		.scales = scale->data,
		.zeros = zero->data,
		.n_scales = tensor_elements(scale),
		.n_zeros = tensor_elements(zero) };
	p->bias = bias ? bias->data : NULL;
	p->alpha = p->beta = 1;
	p->is_requantised = true;
	p->low = p->out.dtype == DTYPE_I8 ? -128 : 0;
	p->high = p->low + 255;
	return quantised_fits_weights(f, p);
}

bool quantised_find(const struct finder *f, struct quantised_product *p)
{
	const enum op op = p->node->op;

	p->is_conv = op == OP_CONV || op == OP_QLINEAR_CONV;
	if (op == OP_MATMUL || op == OP_GEMM || op == OP_CONV)
		return quantised_find_float_product(f, p);
	return (op == OP_QLINEAR_MATMUL || op == OP_QLINEAR_CONV) &&
		quantised_find_qlinear_product(f, p);
}

// Does a QuantizeLinear, by one scale, take back what a DequantizeLinear did?
static bool quantised_is_inverse(
	const struct finder *f, const struct node *before, const struct node *node)
{
	struct quantum first, second;

	return before && before->op == OP_DEQUANTIZE_LINEAR &&
		quantised_quantum(f, before, &first) && quantised_quantum(f, node, &second) &&
		first.dtype == second.dtype && first.scale == second.scale &&
		first.zero == second.zero;
}

uint32_t quantised_again(const struct finder *f, const struct node *node)
{
	const struct node *before;

	if (node->op != OP_QUANTIZE_LINEAR)
		return GRAPH_NONE;
	before = finder_maker(f, node->inputs[0]);
	return quantised_is_inverse(f, before, node) ? before->inputs[0] : GRAPH_NONE;
}

struct node *quantised_pool(const struct finder *f, const struct node *node, uint32_t *bytes)
{
	const struct node *before;
	struct node *after;

	if (node->op != OP_MAX_POOL || node->n_outputs != 1)
		return NULL;
	before = finder_maker(f, node->inputs[0]);
	after = finder_sole_reader(f, node);
	if (!after || after->op != OP_QUANTIZE_LINEAR || !quantised_is_inverse(f, before, after))
		return NULL;
	*bytes = before->inputs[0];
	return after;
}
