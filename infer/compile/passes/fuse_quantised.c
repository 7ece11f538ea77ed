// SPDX-License-Identifier: BSD-3-Clause
// Products and convolutions of what was quantised, in 8 bits. With x = (qx - zx) sx, W = (qw - zw)
// sw[n] and y = (qy - zy) sy, y = alpha x W + beta c is
//
//	qy = sum((qx - zx) (qw - zw)) m + c beta / sy + zy,	m = alpha sx sw[n] / sy
//	   = (sum(qx (qw - zw)) + b) m + zy,	b = beta c / (alpha sx sw[n]) - zx sum(qw - zw)
//
// where b is rounded to a whole number: exactly what it was where c was quantised by sx sw[n], as
// exporters do. Without a QuantizeLinear behind it sy is 1 and y a float. Weights must fit in int8
// once their zero point is taken off.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/pointwise.h"
#include "infer/compile/passes/quantised.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"

#include <math.h>

struct quantised_fuser {
	struct graph *graph;
	struct finder find;
	struct compile_report *report;
	struct error *err;
};

static double at(const float *values, int64_t count, int64_t i)
{
	return values ? (double)values[count == 1 ? 0 : i] : 0;
}

// Multiplier and bias of one column of int8 weights [k][n]. False where they are out of range.
static bool column(const struct quantised_product *p, int64_t c, const int8_t *w, float *multiplier,
	int32_t *b)
{
	const float sw = p->w.scales[p->w.n_scales == 1 ? 0 : c];
	const double unit = p->alpha * (double)p->in.scale * (double)sw;
	double bias =
		nearbyint((p->beta * at(p->c, p->n_c, c) + at(p->added, p->n_added, c)) / unit);
	uint32_t sum = 0;

	for (int64_t i = 0; i < p->k; i++)
		sum += (uint32_t)w[i * p->n + c];
	// In float, and in this order, as QLinearMatMul computes it.
	*multiplier = (float)p->alpha * (p->in.scale * sw);
	if (p->is_requantised)
		*multiplier = (float)p->alpha * (p->in.scale * sw / p->out.scale);
	if (!isnormal(*multiplier) || !(fabs(bias) < 0x1p31))
		return false;
	*b = (int32_t)((uint32_t)(p->bias ? p->bias[c] : (int32_t)bias) -
		(uint32_t)p->in.zero * sum);
	return true;
}

static void take_weights(const struct quantised_product *p, int8_t *to)
{
	const enum dtype dtype = p->w.q.dtype;

	for (int64_t r = 0; r < p->k; r++) {
		for (int64_t c = 0; c < p->n; c++) {
			const int64_t from = p->w.transposed ? c * p->k + r : r * p->n + c;

			to[r * p->n + c] = (int8_t)(quantised_value(dtype, p->w.q.data, from) -
				quantised_value(dtype, p->w.zeros, p->w.n_zeros == 1 ? 0 : c));
		}
	}
}

// A convolution keeps its own.
static int set_attributes(const struct quantised_fuser *f, const struct quantised_product *p)
{
	struct node *node = p->node;
	int rc = 0;

	node->op = p->is_conv ? OP_QCONV : OP_QDENSE;
	if (!p->is_conv)
		node->n_attrs = 0;
	if (p->is_conv)
		rc = node_set_ints(
			f->graph, node, ATTR_KERNEL_SHAPE, p->w.q.rank - 2, p->w.q.dims + 2);
	if (p->is_conv && rc == 0)
		rc = node_set_int(f->graph, node, ATTR_PAD_VALUE, p->in.zero);
	if (rc == 0)
		rc = node_set_int(
			f->graph, node, ATTR_TO, p->is_requantised ? p->out.dtype : DTYPE_F32);
	if (p->is_requantised && rc == 0)
		rc = node_set_int(f->graph, node, ATTR_ZERO, p->out.zero);
	if (p->is_requantised && rc == 0)
		rc = node_set_int(f->graph, node, ATTR_LOW, p->low);
	if (p->is_requantised && rc == 0)
		rc = node_set_int(f->graph, node, ATTR_HIGH, p->high);
	return rc;
}

// Returns 1 where the nodes were replaced, 0 where their numbers do not fit after all.
static int fuse_quantised_product(struct quantised_fuser *f, struct quantised_product *p)
{
	const char *stem = p->node->name;
	uint32_t inputs[4] = { p->x };
	void *w, *b, *m;

	inputs[1] = pass_constant_of(f->graph, stem, DTYPE_I8, 2, p->k, p->n, &w, f->err);
	if (inputs[1] == GRAPH_NONE)
		return f->err->code;
	inputs[2] = pass_constant_of(f->graph, stem, DTYPE_I32, 1, p->n, 0, &b, f->err);
	if (inputs[2] == GRAPH_NONE)
		return f->err->code;
	inputs[3] = pass_constant_of(f->graph, stem, DTYPE_F32, 1, p->n, 0, &m, f->err);
	if (inputs[3] == GRAPH_NONE)
		return f->err->code;
	take_weights(p, w);
	for (int64_t c = 0; c < p->n; c++) {
		if (!column(p, c, w, (float *)m + c, (int32_t *)b + c))
			return 0;
	}
	if (p->shape) { // the bytes are what is reshaped
		struct tensor *reshaped = &f->graph->tensors[p->shape->outputs[0]];

		p->shape->inputs[0] = p->x;
		reshaped->dtype = p->in.dtype;
		inputs[0] = p->shape->outputs[0];
	}
	p->node->inputs = arena_memdup(f->graph->arena, inputs, sizeof(inputs));
	p->node->n_inputs = 4;
	if (!p->node->inputs || set_attributes(f, p) != 0)
		return error_set(f->err, -ENOMEM, "out of memory");
	if (p->last != p->node)
		uses_swap_outputs(p->node, p->last);
	report_add(f->report, "fused '%s' into 8 bits: %s [%lld] to %s [%lld]", p->node->name,
		dtype_name(p->in.dtype), (long long)p->k,
		dtype_name(p->is_requantised ? p->out.dtype : DTYPE_F32), (long long)p->n);
	return 1;
}

// A QuantizeLinear of a function of what a DequantizeLinear gives, value by value: a table of bytes. Returns 1 where it
// became one, 0 where it is none.
static int fuse_lookup(struct quantised_fuser *f, struct node *node)
{
	struct pointwise p = { .source = node->inputs[0], .sink = node->inputs[0] };
	const struct node *before = finder_maker(&f->find, node->inputs[0]);
	struct quantum in, out;
	uint32_t inputs[2];
	void *table;

	if (!before || node->op != OP_QUANTIZE_LINEAR || f->graph->tensors[p.source].data)
		return 0;
	if (before->op != OP_DEQUANTIZE_LINEAR) { // or else there is nothing but another scale
		if (!pointwise_find(f->graph, &f->find.uses, node->inputs[0], &p))
			return 0;
		before = finder_maker(&f->find, p.source);
	}
	if (!before || before->op != OP_DEQUANTIZE_LINEAR || before->outputs[0] != p.source ||
		!quantised_quantum(&f->find, before, &in) ||
		!quantised_quantum(&f->find, node, &out))
		return 0;
	inputs[0] = before->inputs[0];
	inputs[1] = pass_constant_of(
		f->graph, node->name, out.dtype, 1, POINTWISE_TABLE, 0, &table, f->err);
	if (inputs[1] == GRAPH_NONE || pointwise_table(f->graph, &p, &in, &out, table, f->err) != 0)
		return f->err->code;
	node->op = OP_QLOOKUP;
	node->n_attrs = 0;
	node->n_inputs = 2;
	node->inputs = arena_memdup(f->graph->arena, inputs, sizeof(inputs));
	if (!node->inputs)
		return error_set(f->err, -ENOMEM, "out of memory");
	report_add(f->report, "fused %u node%s before '%s' into a table of bytes", p.n_nodes,
		p.n_nodes == 1 ? "" : "s", node->name);
	return 1;
}

static int fuse_node(struct quantised_fuser *f, uint32_t n)
{
	struct quantised_product p = { .node = &f->graph->nodes[n] };
	const uint32_t again = quantised_again(&f->find, p.node);
	uint32_t bytes;
	struct node *after = quantised_pool(&f->find, p.node, &bytes);

	if (after) {
		p.node->inputs[0] = bytes;
		uses_swap_outputs(p.node, after);
		return 1;
	}
	if (again != GRAPH_NONE) {
		p.node->op = OP_IDENTITY;
		p.node->inputs[0] = again;
		p.node->n_inputs = 1;
		p.node->n_attrs = 0;
		return 1;
	}
	if (p.node->op == OP_QUANTIZE_LINEAR)
		return fuse_lookup(f, p.node);
	return quantised_find(&f->find, &p) ? fuse_quantised_product(f, &p) : 0;
}

int pass_fuse_quantised(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct quantised_fuser f = { .graph = graph, .report = report, .err = err };
	int changes = 0, rc;

	if (finder_init(&f.find, graph, err) != 0)
		return err->code;
	for (uint32_t n = 0; n < graph->n_nodes && changes >= 0; n++) {
		rc = fuse_node(&f, n);
		changes = rc < 0 ? rc : changes + rc;
	}
	finder_fini(&f.find);
	return changes;
}
