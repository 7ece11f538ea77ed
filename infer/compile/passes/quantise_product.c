// SPDX-License-Identifier: BSD-3-Clause
// With x = (qx - zx) sx and W = qw sw[n], y = x W + b is
//
//	(sum(qx qw) + c[n]) sx sw[n],	c = round(b / (sx sw[n])) - zx sum(qw)
//
// which requantise.h's formula takes to y's own scale. Bias correction (M. Nagel et al., "Data-Free Quantization
// through Weight Equalization and Bias Correction", 2019) adds to b what the rounded weights miss in the mean:
// sum((W - qw sw) E[x]).
#include "infer/compile/passes/quantise_product.h"

#include "infer/compile/copy.h"
#include "infer/compile/passes/activations.h"
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/quantise_table.h"
#include "infer/graph/act.h"

#include <math.h>
#include <stdlib.h>

// A layer's weights as one matrix, and what becomes of it.
struct quantise_product {
	const struct node *node;
	struct quantum in, out;
	const struct quantise_channels *channels; // n > 0: of x's columns
	uint32_t k, n, taps, group_n;             // group_n: columns of a group, of Dense all
	int8_t *w;
	int32_t *c;
	float *multiplier, *scales, *least;
	uint32_t inputs[4];
};

static const float *quantise_bias(const struct quantiser *q, const struct node *node)
{
	return node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE
		? tensor_floats(q->from, node->inputs[2])
		: NULL;
}

static int quantise_allocate(struct quantiser *q, struct quantise_product *p)
{
	const char *stem = p->node->name;
	void *w, *c, *m;

	p->inputs[1] = pass_constant_of(q->to, stem, DTYPE_I8, 2, p->k, p->n, &w, q->err);
	if (p->inputs[1] == GRAPH_NONE)
		return q->err->code;
	p->inputs[2] = pass_constant_of(q->to, stem, DTYPE_I32, 1, p->n, 0, &c, q->err);
	if (p->inputs[2] == GRAPH_NONE)
		return q->err->code;
	p->inputs[3] = pass_constant_of(q->to, stem, DTYPE_F32, 1, p->n, 0, &m, q->err);
	if (p->inputs[3] == GRAPH_NONE)
		return q->err->code;
	p->w = w;
	p->c = c;
	p->multiplier = m;
	p->scales = calloc(2 * (size_t)p->n, sizeof(*p->scales));
	if (!p->scales)
		return error_set(q->err, -ENOMEM, "out of memory for '%s'", stem);
	p->least = p->scales + p->n;
	return 0;
}

// The mean of input i of column n, over rows, and of a Conv over positions.
static double quantise_mean(
	const struct quantiser *q, const struct quantise_product *p, uint32_t i, uint32_t n)
{
	const uint32_t tensor = p->node->inputs[0];
	const struct tensor *x = &q->from->tensors[tensor];
	const double *mean = q->ranges->of[tensor].mean;
	const int64_t elements = tensor_elements(x);
	int64_t first = i, step = p->k, count;
	double sum = 0;

	if (p->node->op == OP_CONV) { // [1, channels, ...]; `i` is of a group's channels
		const int64_t size = elements / x->dims[1];

		first = ((int64_t)(n / p->group_n) * (p->k / p->taps) + i / p->taps) * size;
		step = 1;
		count = size;
	} else {
		count = elements / p->k;
	}
	for (int64_t at = 0; at < count; at++)
		sum += mean[first + at * step];
	return count > 0 ? sum / (double)count : 0;
}

// The constants of each column. means [k]: memory. False where a number does not fit.
static bool quantise_columns(const struct quantiser *q, const struct quantise_product *p,
	const struct quantise_matrix *matrix, const float *bias, double *means)
{
	const bool own = p->channels->n > 0;

	for (uint32_t n = 0; n < p->n; n++) {
		const double unit = (double)p->in.scale * (double)p->scales[n];
		double b = bias ? (double)bias[n] : 0, zeros = 0;

		for (uint32_t k = 0; k < p->k && n % p->group_n == 0; k++)
			means[k] = quantise_mean(q, p, k, n) /
				(own ? (double)p->channels->scales[k] : 1);
		for (uint32_t k = 0; k < p->k; k++) {
			const int8_t w = p->w[(size_t)k * p->n + n];

			zeros += (double)w * (own ? p->channels->zeros[k] : p->in.zero);
			if (!q->options->no_bias_correction)
				b += (quantise_weight(matrix, k, n) - w * (double)p->scales[n]) *
					means[k];
		}
		b = nearbyint(b / unit) - zeros;
		p->multiplier[n] = p->in.scale * p->scales[n];
		if (p->out.scale > 0)
			p->multiplier[n] /= p->out.scale;
		if (!isnormal(p->multiplier[n]) || !(fabs(b) < 0x1p31))
			return false;
		p->c[n] = (int32_t)b;
	}
	return true;
}

static int quantise_set_attributes(
	struct quantiser *q, struct node *node, const struct quantise_product *p, struct act act)
{
	const int32_t least = p->out.dtype == DTYPE_I8 ? -128 : 0;
	double low = least, high = least + 255;
	const struct tensor *w = &q->from->tensors[p->node->inputs[1]];
	int rc = 0;

	if (p->node->op == OP_CONV)
		rc = node_set_ints(q->to, node, ATTR_KERNEL_SHAPE, w->rank - 2, w->dims + 2) ||
			node_set_int(q->to, node, ATTR_PAD_VALUE, p->in.zero);
	if (p->out.scale > 0 && act.kind == ACTIVATION_RELU)
		low = p->out.zero;
	if (p->out.scale > 0 && act.kind == ACTIVATION_CLIP) {
		low = fmax(low, nearbyint((double)act.alpha / (double)p->out.scale) + p->out.zero);
		high = fmin(high, nearbyint((double)act.beta / (double)p->out.scale) + p->out.zero);
		low = fmin(low, least + 255);
		high = fmax(high, low);
	}
	if (rc == 0)
		rc = node_set_int(
			q->to, node, ATTR_TO, p->out.scale > 0 ? p->out.dtype : DTYPE_F32);
	if (rc == 0 && p->out.scale > 0)
		rc = node_set_int(q->to, node, ATTR_ZERO, p->out.zero) ||
			node_set_int(q->to, node, ATTR_LOW, (int64_t)low) ||
			node_set_int(q->to, node, ATTR_HIGH, (int64_t)high);
	return rc ? error_set(q->err, -ENOMEM, "out of memory for '%s'", node->name) : 0;
}

// The product's node, from inputs that are ready; its result is bytes or floats, activated.
static int quantise_add_product(
	struct quantiser *q, struct quantise_product *p, struct quantise_layer *layer)
{
	const uint32_t y = p->node->outputs[0];
	const struct act act = act_of_attributes(p->node);
	const bool bytes = p->out.scale > 0;
	uint32_t output = y;
	struct node copied = *p->node, *node;

	if (bytes)
		output = quantise_add_tensor(q, &q->from->tensors[y], p->out.dtype, "q");
	else if (act.kind != ACTIVATION_NONE)
		output = quantise_add_tensor(q, &q->from->tensors[y], DTYPE_F32, "sum");
	if (output == GRAPH_NONE)
		return q->err->code;
	copied.op = p->node->op == OP_CONV ? OP_QCONV : OP_QDENSE;
	copied.inputs = p->inputs;
	copied.n_inputs = 4;
	copied.outputs = &output;
	if (copied.op == OP_QDENSE)
		copied.n_attrs = 0;
	node = graph_copy_node(q->to, &copied, q->err);
	if (!node)
		return q->err->code;
	for (uint32_t n = 0; n < node->n_attrs;) { // it has none of them
		const enum attr_key key = node->attrs[n].key;

		if (key == ATTR_ACTIVATION || key == ATTR_ALPHA || key == ATTR_BETA)
			node->attrs[n] = node->attrs[--node->n_attrs];
		else
			n++;
	}
	layer->result = bytes ? output : y;
	layer->stands_for = y;
	layer->quantum = p->out;
	if (bytes) {
		q->tensors[y].q = output;
		q->tensors[y].of = p->out;
	}
	if (quantise_set_attributes(q, node, p, act) != 0)
		return q->err->code;
	return bytes || act.kind == ACTIVATION_NONE
		? 0
		: pass_add_activation(q->to, act, output, y, q->err);
}

static void quantise_describe(const struct quantiser *q, struct quantise_product *p)
{
	const struct tensor *w = &q->from->tensors[p->node->inputs[1]];
	const struct act act = act_of_attributes(p->node);
	const uint32_t y = p->node->outputs[0];

	p->taps = 1;
	p->k = (uint32_t)w->dims[0];
	p->n = p->group_n = (uint32_t)w->dims[1];
	if (p->node->op == OP_CONV) { // [M, C / group, ...]
		p->n = (uint32_t)w->dims[0];
		p->k = (uint32_t)(tensor_elements(w) / w->dims[0]);
		p->taps = p->k / (uint32_t)w->dims[1];
		p->group_n = p->n / (uint32_t)node_int(p->node, ATTR_GROUP, 1);
	}
	if (q->tensors[y].bytes &&
		(act.kind == ACTIVATION_NONE || act.kind == ACTIVATION_RELU ||
			act.kind == ACTIVATION_CLIP))
		p->out = quantise_table_source(q, y);
}

int quantise_product(struct quantiser *q, struct quantise_layer *layer)
{
	struct quantise_product p = { .node = &q->from->nodes[layer->node] };
	const float *w = tensor_floats(q->from, p.node->inputs[1]);
	const float *bias = quantise_bias(q, p.node);
	struct quantise_matrix matrix;
	double *means;
	int rc;

	quantise_describe(q, &p);
	p.inputs[0] = quantise_bytes(q, p.node->inputs[0]);
	if (p.inputs[0] == GRAPH_NONE)
		return q->err->code;
	p.in = q->tensors[p.node->inputs[0]].of;
	p.channels = &q->tensors[p.node->inputs[0]].channels;
	rc = quantise_allocate(q, &p);
	if (rc != 0)
		return rc;
	for (uint32_t n = 0; n < p.n; n++)
		// quantise_allocate() made it: NOLINTNEXTLINE(clang-analyzer-core.*)
		p.least[n] = bias ? fabsf(bias[n]) / p.in.scale * 0x1p-29f : 0;
	matrix = (struct quantise_matrix){ .from = w,
		.step_k = p.node->op == OP_CONV ? 1 : p.n,
		.step_n = p.node->op == OP_CONV ? p.k : 1,
		.factors = p.channels->scales,
		.k = p.k,
		.n = p.n,
		.taps = p.taps,
		.to = p.w,
		.scales = p.scales,
		.least = p.least };
	quantise_weights(q->options, &matrix);
	means = malloc(p.k * sizeof(*means));
	if (!means)
		rc = error_set(q->err, -ENOMEM, "out of memory for '%s'", p.node->name);
	else if (quantise_columns(q, &p, &matrix, bias, means))
		rc = quantise_add_product(q, &p, layer);
	else
		rc = error_set(q->err, -EDOM,
			"'%s' has weights and biases of sizes that 32 bits do not hold at once",
			p.node->name);
	free(means);
	free(p.scales);
	return rc;
}
