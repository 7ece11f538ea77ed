// SPDX-License-Identifier: BSD-3-Clause
// With x = (qx - zx) sx and W = qw sw[n], y = x W + b is
//
//	(sum(qx qw) + c[n]) sx sw[n],	c = round(b / (sx sw[n])) - zx sum(qw)
//
// which requantise.h's formula takes to y's own scale. Bias correction (M. Nagel et al., "Data-Free Quantization
// through Weight Equalization and Bias Correction", 2019) adds to b what the rounded weights miss in the mean:
// sum((W - qw sw) E[x]).
#include "infer/compile/passes/quantise_layers.h"

#include "infer/compile/copy.h"
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/quantise_recurrent.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/act.h"
#include "infer/ops/check.h"
#include "infer/ops/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- Which layers --------------------------------------------------------------------------------

static bool quantise_all_finite(const struct graph *graph, const struct node *node)
{
	for (uint32_t i = 1; i < node->n_inputs; i++) {
		const float *values;

		if (!tensor_is_constant(graph, node->inputs[i]))
			continue;
		values = tensor_floats(graph, node->inputs[i]);
		for (int64_t v = tensor_elements(&graph->tensors[node->inputs[i]]); v-- > 0;) {
			if (!isfinite(values[v]))
				return false;
		}
	}
	return true;
}

static const char *quantise_refuse(const struct graph *graph, const struct node *node)
{
	const struct tensor *x = &graph->tensors[node->inputs[0]];

	if (x->data)
		return "its input is constant";
	if (!tensor_is_constant(graph, node->inputs[1]))
		return "its weights are computed, or not float32";
	if (!quantise_all_finite(graph, node))
		return "its weights are not all finite";
	if (node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE &&
		!tensor_is_constant(graph, node->inputs[2]))
		return "its bias is computed";
	if (node->op == OP_CONV && x->dims[0] != 1)
		return "it has more than one image a row";
	return NULL;
}

int quantise_find_layers(
	const struct graph *graph, struct quantise_layers *layers, struct error *err)
{
	*layers = (struct quantise_layers){ .of = calloc((size_t)graph->n_nodes + 1,
						    sizeof(*layers->of)) };
	if (!layers->of)
		return error_set(err, -ENOMEM, "out of memory for the layers");
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];
		const bool recurs = node->op == OP_RNN || node->op == OP_GRU || node->op == OP_LSTM;
		struct quantise_layer *layer = &layers->of[layers->count];

		if (!recurs && node->op != OP_DENSE && node->op != OP_CONV)
			continue;
		*layer = (struct quantise_layer){
			.node = n, .name = node->name, .result = GRAPH_NONE
		};
		layer->why = recurs ? quantise_recurrent_refuse(graph, node)
				    : quantise_refuse(graph, node);
		if (!layer->why && recurs && !quantise_all_finite(graph, node))
			layer->why = "its weights are not all finite";
		layers->count++;
	}
	return 0;
}

void quantise_wanted(
	const struct graph *graph, const struct quantise_layers *layers, uint8_t *wanted)
{
	for (uint32_t l = 0; l < layers->count; l++) {
		const struct node *node = &graph->nodes[layers->of[l].node];

		if (layers->of[l].why)
			continue;
		if (node->op == OP_CONV && wanted[node->inputs[0]] == RANGE_UNWANTED)
			wanted[node->inputs[0]] = RANGE_WHOLE;
		else if (node->op != OP_CONV)
			wanted[node->inputs[0]] = RANGE_CHANNELS;
		for (uint32_t o = 0; o < node->n_outputs; o++) {
			const uint32_t y = node->outputs[o];

			if (y != GRAPH_NONE && wanted[y] == RANGE_UNWANTED)
				wanted[y] = RANGE_WHOLE;
		}
	}
}

// The largest weights of a layer for each column of its input.
static void quantise_sizes(const struct graph *graph, const struct node *node, float *sizes)
{
	const struct tensor *w = &graph->tensors[node->inputs[1]];
	const bool is_dense = node->op == OP_DENSE;
	const int64_t k = w->dims[is_dense ? 0 : 2], n = tensor_elements(w) / (k > 0 ? k : 1);
	const float *weights = w->data;

	for (int64_t i = 0; i < k; i++) {
		for (int64_t c = 0; c < n; c++)
			sizes[i] = fmaxf(sizes[i],
				fabsf(is_dense ? weights[i * n + c] : weights[c * k + i]));
	}
}

int quantise_channels_of(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, const struct quantise_layers *layers,
	uint32_t tensor, struct quantise_channels *channels, struct error *err)
{
	const struct range *range = &ranges->of[tensor];
	float *sizes = calloc((size_t)range->n_channels + 1, sizeof(*sizes));
	int rc;

	if (!sizes)
		return error_set(err, -ENOMEM, "out of memory for scales");
	for (uint32_t l = 0; l < layers->count && range->n_channels > 0; l++) {
		const struct quantise_layer *layer = &layers->of[l];
		const struct node *node = &graph->nodes[layer->node];

		if (!layer->why && !layer->keep && node->inputs[0] == tensor && node->op != OP_CONV)
			quantise_sizes(graph, node, sizes);
	}
	rc = quantise_find_channels(options, range, sizes, channels, err);
	free(sizes);
	return rc;
}

// --- The graph that becomes ----------------------------------------------------------------------

// What is known of a tensor of the float graph, by its number.
struct quantise_tensor {
	bool bytes;                        // nobody reads it but as bytes
	uint32_t q;                        // its bytes in the new graph; GRAPH_NONE: none yet
	struct quantum of;                 // how
	bool read_by_conv;                 // which has one scale for all of its input
	struct quantise_channels channels; // n > 0: these, and `of` stands for a scale of 1
};

struct quantiser {
	const struct graph *from;
	struct graph *to;
	const struct ranges *ranges;
	const struct quantise_options *options;
	const struct quantise_layers *layers;
	struct quantise_layer **layer; // [from->n_nodes] NULL: none that is quantised
	struct quantise_tensor *tensors;
	struct error *err;
};

// Moves values and no more, so that bytes are moved alike.
static bool quantise_moves(const struct node *node)
{
	return node->op == OP_RESHAPE || node->op == OP_IDENTITY ||
		(node->op == OP_MAX_POOL && node->n_outputs == 1);
}

// Marks the tensors of which every reader takes bytes. A node's readers come after it.
static void quantise_mark_bytes(struct quantiser *q)
{
	const struct graph *graph = q->from;

	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		quantise_channels_fini(&q->tensors[t].channels); // of a round before
		q->tensors[t] = (struct quantise_tensor){ .bytes = true, .q = GRAPH_NONE };
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		q->tensors[graph->outputs[o].tensor].bytes = false;
	for (uint32_t p = 0; p < graph->n_inputs; p++)
		q->tensors[graph->inputs[p].tensor].bytes = false;
	for (uint32_t n = graph->n_nodes; n-- > 0;) {
		const struct node *node = &graph->nodes[n];
		const bool moves = quantise_moves(node) && q->tensors[node->outputs[0]].bytes;

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE && !moves && (i > 0 || !q->layer[n]))
				q->tensors[node->inputs[i]].bytes = false;
			if (node->inputs[i] != GRAPH_NONE && node->op == OP_CONV)
				q->tensors[node->inputs[i]].read_by_conv = true;
		}
	}
}

static uint32_t quantise_add_tensor(
	struct quantiser *q, const struct tensor *like, enum dtype dtype, const char *suffix)
{
	char name[200];

	snprintf(name, sizeof(name), "%.150s~%s%u", like->name, suffix, q->to->n_tensors);
	return graph_add_tensor(q->to, name, dtype, like->rank, like->dims, NULL, q->err);
}

// The tensor with its columns on one scale: divided by their own, zero points added. GRAPH_NONE: err is filled.
static uint32_t quantise_level(struct quantiser *q, uint32_t tensor)
{
	const struct tensor *like = &q->from->tensors[tensor];
	const struct quantise_channels *channels = &q->tensors[tensor].channels;
	uint32_t inputs[3] = { tensor }, output;
	float *scale, *shift;

	inputs[1] = pass_constant(q->to, like->name, 1, channels->n, 0, &scale, q->err);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = pass_constant(q->to, like->name, 1, channels->n, 0, &shift, q->err);
	output = inputs[2] == GRAPH_NONE ? GRAPH_NONE
					 : quantise_add_tensor(q, like, DTYPE_F32, "level");
	if (output == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t c = 0; c < channels->n; c++) {
		scale[c] = 1 / channels->scales[c];
		shift[c] = (float)channels->zeros[c];
	}
	return graph_add_node(q->to, OP_AFFINE, NULL, 3, inputs, 1, &output, q->err) == GRAPH_NONE
		? GRAPH_NONE
		: output;
}

// The tensor as bytes, by QuantizeLinear where it is none yet. GRAPH_NONE: err is filled.
static uint32_t quantise_bytes(struct quantiser *q, uint32_t tensor)
{
	struct quantise_tensor *of = &q->tensors[tensor];
	const struct tensor *like = &q->from->tensors[tensor];
	uint32_t inputs[3] = { tensor }, output, node;
	void *scale, *zero;

	if (of->q != GRAPH_NONE)
		return of->q;
	of->of = quantise_activation(q->options, &q->ranges->of[tensor]);
	if (!of->read_by_conv &&
		quantise_channels_of(q->from, q->ranges, q->options, q->layers, tensor,
			&of->channels, q->err) != 0)
		return GRAPH_NONE;
	if (of->channels.n > 0) {
		of->of = (struct quantum){ .dtype = of->channels.dtype, .scale = 1 };
		inputs[0] = quantise_level(q, tensor);
		if (inputs[0] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	inputs[1] = pass_constant_of(q->to, like->name, DTYPE_F32, 0, 0, 0, &scale, q->err);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = pass_constant_of(q->to, like->name, of->of.dtype, 0, 0, 0, &zero, q->err);
	output = inputs[2] == GRAPH_NONE ? GRAPH_NONE
					 : quantise_add_tensor(q, like, of->of.dtype, "q");
	if (output == GRAPH_NONE)
		return GRAPH_NONE;
	*(float *)scale = of->of.scale;
	*(uint8_t *)zero = (uint8_t)of->of.zero;
	node = graph_add_node(q->to, OP_QUANTIZE_LINEAR, NULL, 3, inputs, 1, &output, q->err);
	if (node == GRAPH_NONE)
		return GRAPH_NONE;
	if (node_set_int(q->to, &q->to->nodes[node], ATTR_TO, of->of.dtype) != 0) {
		error_set(q->err, -ENOMEM, "out of memory");
		return GRAPH_NONE;
	}
	return of->q = output;
}

// --- Dense and Conv ------------------------------------------------------------------------------

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

// The activation by itself, which gives tensor `y` from `x`.
static int quantise_activate(struct quantiser *q, struct act act, uint32_t x, uint32_t y)
{
	static const enum op OPS[ACTIVATION_COUNT] = {
		[ACTIVATION_RELU] = OP_RELU,
		[ACTIVATION_LEAKY_RELU] = OP_LEAKY_RELU,
		[ACTIVATION_CLIP] = OP_CLIP,
		[ACTIVATION_SIGMOID] = OP_SIGMOID,
		[ACTIVATION_TANH] = OP_TANH,
		[ACTIVATION_HARD_SIGMOID] = OP_HARD_SIGMOID,
		[ACTIVATION_ELU] = OP_ELU,
		[ACTIVATION_SELU] = OP_SELU,
		[ACTIVATION_SOFTPLUS] = OP_SOFTPLUS,
		[ACTIVATION_SOFTSIGN] = OP_SOFTSIGN,
		[ACTIVATION_GELU] = OP_GELU,
		[ACTIVATION_GELU_TANH] = OP_GELU,
	};
	const bool clips = act.kind == ACTIVATION_CLIP;
	const uint32_t n = graph_add_node(q->to, OPS[act.kind], NULL, 1, &x, 1, &y, q->err);
	struct node *node;

	if (n == GRAPH_NONE)
		return q->err->code;
	node = &q->to->nodes[n];
	if (node_set_float(q->to, node, clips ? ATTR_MIN : ATTR_ALPHA, act.alpha) ||
		node_set_float(q->to, node,
			clips                                 ? ATTR_MAX
				: act.kind == ACTIVATION_SELU ? ATTR_GAMMA
							      : ATTR_BETA,
			act.beta) ||
		(act.kind == ACTIVATION_GELU_TANH &&
			node_set_int(q->to, node, ATTR_APPROXIMATE, 1)))
		return error_set(q->err, -ENOMEM, "out of memory for an activation");
	return 0;
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
	layer->quantum = p->out;
	if (bytes) {
		q->tensors[y].q = output;
		q->tensors[y].of = p->out;
	}
	if (quantise_set_attributes(q, node, p, act) != 0)
		return q->err->code;
	return bytes || act.kind == ACTIVATION_NONE ? 0 : quantise_activate(q, act, output, y);
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
		p->out = quantise_activation(q->options, &q->ranges->of[y]);
}

static int quantise_product(struct quantiser *q, struct quantise_layer *layer)
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

// --- All nodes -----------------------------------------------------------------------------------

// A node that moves bytes where its input is bytes, and its output nothing else.
static int quantise_move(struct quantiser *q, const struct node *node)
{
	const uint32_t x = node->inputs[0], y = node->outputs[0];
	struct node copied = *node;
	uint32_t output = quantise_add_tensor(q, &q->from->tensors[y], q->tensors[x].of.dtype, "q");

	if (output == GRAPH_NONE)
		return q->err->code;
	copied.inputs = &q->tensors[x].q;
	copied.outputs = &output;
	q->tensors[y].q = output;
	q->tensors[y].of = q->tensors[x].of;
	return graph_copy_node(q->to, &copied, q->err) ? 0 : q->err->code;
}

static int quantise_sequence(struct quantiser *q, struct quantise_layer *layer)
{
	const struct node *node = &q->from->nodes[layer->node];
	const uint32_t x = quantise_bytes(q, node->inputs[0]);

	if (x == GRAPH_NONE)
		return q->err->code;
	layer->result = node->outputs[node->outputs[0] == GRAPH_NONE];
	return quantise_recurrent(q->from, q->to, q->ranges, q->options, node, x,
		&(struct recurrent_input){
			q->tensors[node->inputs[0]].of, &q->tensors[node->inputs[0]].channels },
		q->err);
}

static int quantise_node(struct quantiser *q, uint32_t n)
{
	const struct node *node = &q->from->nodes[n];
	struct quantise_layer *layer = q->layer[n];

	if (!layer && quantise_moves(node) && q->tensors[node->outputs[0]].bytes &&
		q->tensors[node->inputs[0]].bytes && q->tensors[node->inputs[0]].q != GRAPH_NONE)
		return quantise_move(q, node);
	if (!layer)
		return graph_copy_node(q->to, node, q->err) ? 0 : q->err->code;
	if (node->op == OP_DENSE || node->op == OP_CONV)
		return quantise_product(q, layer);
	return quantise_sequence(q, layer);
}

// -EDOM: a layer turned out not to fit, and knows `why` now.
static int quantise_all(struct quantiser *q)
{
	int rc = graph_copy(q->from, false, &q->to, q->err);

	if (rc == 0)
		quantise_mark_bytes(q);
	for (uint32_t n = 0; n < q->from->n_nodes && rc == 0; n++) {
		rc = quantise_node(q, n);
		if (rc == -EDOM && q->layer[n]) {
			q->layer[n]->why = "its weights and biases do not fit in 32 bits at once";
			q->layer[n] = NULL;
		}
	}
	if (rc == 0)
		rc = graph_check(q->to, q->err);
	if (rc != 0) {
		graph_destroy(q->to);
		q->to = NULL;
	}
	return rc;
}

int quantise_layers(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, struct quantise_layers *layers, struct graph **to,
	struct error *err)
{
	struct quantiser q = { .from = graph,
		.ranges = ranges,
		.options = options,
		.layers = layers,
		.layer = calloc((size_t)graph->n_nodes + 1, sizeof(*q.layer)),
		.tensors = calloc((size_t)graph->n_tensors + 1, sizeof(*q.tensors)),
		.err = err };
	int rc = q.layer && q.tensors ? 0 : error_set(err, -ENOMEM, "out of memory to quantise");

	for (uint32_t l = 0; l < layers->count && rc == 0; l++) {
		struct quantise_layer *layer = &layers->of[l];

		layer->result = GRAPH_NONE;
		layer->quantum = (struct quantum){ 0 };
		if (!layer->why && !layer->keep)
			q.layer[layer->node] = layer;
	}
	do { // each round that fails has one layer less
		rc = rc == 0 || rc == -EDOM ? quantise_all(&q) : rc;
	} while (rc == -EDOM);
	for (uint32_t t = 0; q.tensors && t < graph->n_tensors; t++)
		quantise_channels_fini(&q.tensors[t].channels);
	free(q.layer);
	free(q.tensors);
	*to = q.to;
	return rc;
}
