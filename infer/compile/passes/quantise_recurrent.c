// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantise_recurrent.h"

#include "infer/compile/copy.h"
#include "infer/compile/passes/constants.h"
#include "infer/graph/arena.h"

#include <math.h>
#include <stdlib.h>

const char *quantise_recurrent_refuse(const struct graph *graph, const struct node *node)
{
	const bool rows_first = node_int(node, ATTR_LAYOUT, 0) != 0;
	const struct tensor *x = &graph->tensors[node->inputs[0]];

	if (x->data || x->dims[!rows_first] != 1)
		return "it has not one sequence a row";
	if (!tensor_is_constant(graph, node->inputs[1]) ||
		!tensor_is_constant(graph, node->inputs[2]) ||
		(node->n_inputs > 3 && node->inputs[3] != GRAPH_NONE &&
			!tensor_is_constant(graph, node->inputs[3])))
		return "its weights are computed, or not float32";
	if (node->n_inputs > 4 && node->inputs[4] != GRAPH_NONE)
		return "its sequences have lengths of their own";
	if (node->n_inputs > 7 && node->inputs[7] != GRAPH_NONE)
		return "it has peepholes";
	if (node_float(node, ATTR_CLIP, 0) > 0 || node_int(node, ATTR_INPUT_FORGET, 0) != 0)
		return "its gates are clipped or coupled";
	return NULL;
}

// One of the two products of all ways.
struct recurrent_matrix {
	const float *w;     // [ways][n][k]
	const float *bias;  // [ways][n] added to its sums
	const double *mean; // [k] of what it multiplies; NULL: not known
	struct quantum in;
	const struct quantise_channels *channels; // NULL: `in` alone
	uint32_t ways, k, n;
};

static int recurrent_allocate(struct graph *to, const struct node *node,
	const struct recurrent_matrix *m, uint32_t inputs[3], void *values[3], struct error *err)
{
	static const enum dtype DTYPES[3] = { DTYPE_I8, DTYPE_I32, DTYPE_F32 };
	const int64_t dims[3] = { m->ways, m->k, m->n };

	for (uint32_t i = 0; i < 3; i++) {
		char name[200];
		const uint32_t rank = i == 0 ? 3 : 2;
		const int64_t short_dims[2] = { m->ways, m->n };
		const size_t count = (size_t)m->ways * m->n * (i == 0 ? m->k : 1);

		values[i] = arena_calloc(to->arena, count, dtype_bytes(DTYPES[i]));
		if (!values[i])
			return error_set(err, -ENOMEM, "out of memory for '%s'", node->name);
		snprintf(name, sizeof(name), "%.150s~%u", node->name, to->n_tensors);
		inputs[i] = graph_add_tensor(
			to, name, DTYPES[i], rank, i == 0 ? dims : short_dims, values[i], err);
		if (inputs[i] == GRAPH_NONE)
			return err->code;
	}
	return 0;
}

// The constants of one way's columns. False where a number does not fit.
static bool recurrent_columns(const struct quantise_options *options,
	const struct recurrent_matrix *m, uint32_t way, const struct quantise_matrix *matrix,
	int32_t *c, float *multiplier)
{
	for (uint32_t n = 0; n < m->n; n++) {
		const double unit = (double)m->in.scale * (double)matrix->scales[n];
		double b = (double)m->bias[(size_t)way * m->n + n], zeros = 0;

		for (uint32_t k = 0; k < m->k; k++) {
			const int8_t w = matrix->to[(size_t)k * m->n + n];
			const double scale = m->channels ? (double)m->channels->scales[k] : 1;

			zeros += (double)w * (m->channels ? m->channels->zeros[k] : m->in.zero);
			if (m->mean && !options->no_bias_correction)
				b += (quantise_weight(matrix, k, n) -
					     w * (double)matrix->scales[n]) *
					m->mean[k] / scale;
		}
		b = nearbyint(b / unit) - zeros;
		// recurrent_allocate() made it: NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
		multiplier[n] = m->in.scale * matrix->scales[n];
		if (!isnormal(multiplier[n]) || !(fabs(b) < 0x1p31))
			return false;
		c[n] = (int32_t)b;
	}
	return true;
}

// Fills inputs [3] with the bytes, constants and multipliers of one product.
static int recurrent_quantise_matrix(struct graph *to, const struct node *node,
	const struct quantise_options *options, const struct recurrent_matrix *m,
	uint32_t inputs[3], struct error *err)
{
	float *scales = calloc(2 * (size_t)m->n, sizeof(*scales));
	void *values[3] = { NULL };
	int rc = scales ? recurrent_allocate(to, node, m, inputs, values, err)
			: error_set(err, -ENOMEM, "out of memory for '%s'", node->name);

	for (uint32_t way = 0; way < m->ways && rc == 0; way++) {
		const struct quantise_matrix matrix = { .from = m->w + (size_t)way * m->n * m->k,
			.step_k = 1,
			.step_n = m->k,
			.factors = m->channels ? m->channels->scales : NULL,
			.k = m->k,
			.n = m->n,
			.taps = 1,
			.to = (int8_t *)values[0] + (size_t)way * m->n * m->k,
			.scales = scales,
			.least = scales + m->n };

		for (uint32_t n = 0; n < m->n; n++)
			scales[m->n + n] =
				fabsf(m->bias[(size_t)way * m->n + n]) / m->in.scale * 0x1p-29f;
		quantise_weights(options, &matrix);
		if (!recurrent_columns(options, m, way, &matrix,
			    (int32_t *)values[1] + (size_t)way * m->n,
			    (float *)values[2] + (size_t)way * m->n))
			rc = error_set(err, -EDOM,
				"'%s' has weights and biases of sizes that 32 bits do not hold at "
				"once",
				node->name);
	}
	free(scales);
	return rc;
}

// ONNX's two biases of a gate: what is only added is all with the inputs' product; GRU's third gate with
// LINEAR_BEFORE_RESET scales the state's share in between, bias included.
static void recurrent_biases(const struct graph *from, const struct node *node,
	const struct recurrent_matrix *m, uint32_t h, float *x_bias, float *h_bias)
{
	const bool has = node->n_inputs > 3 && node->inputs[3] != GRAPH_NONE;
	const bool scales = node->op == OP_GRU && node_int(node, ATTR_LINEAR_BEFORE_RESET, 0) != 0;

	for (uint32_t i = 0; has && i < m->ways * m->n; i++) {
		const float *both =
			tensor_floats(from, node->inputs[3]) + (size_t)(i / m->n) * 2 * m->n;
		const uint32_t at = i % m->n;

		x_bias[i] = both[at];
		if (scales && at >= 2 * h)
			h_bias[i] = both[m->n + at];
		else
			x_bias[i] += both[m->n + at];
	}
}

// The mean of each of `k` values over the time steps of [steps][k].
static void recurrent_mean(const struct graph *from, const struct ranges *ranges, uint32_t tensor,
	uint32_t k, double *mean)
{
	const int64_t count = tensor_elements(&from->tensors[tensor]) / k;

	for (uint32_t i = 0; i < k; i++) {
		mean[i] = 0;
		for (int64_t s = 0; s < count; s++)
			mean[i] += ranges->of[tensor].mean[s * k + i] / (double)count;
	}
}

// The scale of the state, from all that calibration saw of it; it begins at 0 or at what is given.
static float recurrent_state_scale(const struct ranges *ranges, const struct node *node,
	const struct quantise_options *options)
{
	float most = 0;
	int exponent;

	for (uint32_t o = 0; o < 2; o++) {
		const struct range *range =
			node->outputs[o] == GRAPH_NONE ? NULL : &ranges->of[node->outputs[o]];

		if (range && range->count > 0)
			most = fmaxf(most, fmaxf(fabsf(range->low), fabsf(range->high)));
	}
	// Y alone has all of it: Y_h only the last, and then nothing but the functions' own bound is known.
	if (node->op != OP_RNN && node->outputs[0] == GRAPH_NONE)
		most = fmaxf(most, 1);
	if (!(most > 1e-20f))
		most = 1;
	if (options->power_of_two)
		return frexpf(most / 127, &exponent) == 0.5f ? most / 127 : ldexpf(1, exponent);
	return most / 127;
}

static int recurrent_add(struct graph *to, const struct node *node, const uint32_t inputs[9],
	float scale, struct error *err)
{
	const enum recurrent_cell cell = node->op == OP_LSTM ? CELL_LSTM
		: node->op == OP_GRU                         ? CELL_GRU
							     : CELL_RNN;
	struct node copied = *node, *made;

	copied.op = OP_QRECURRENT;
	copied.inputs = (uint32_t *)(uintptr_t)inputs;
	copied.n_inputs = cell == CELL_LSTM ? 9 : 8;
	made = graph_copy_node(to, &copied, err);
	if (!made)
		return err->code;
	if (node_set_int(to, made, ATTR_CELL, cell) || node_set_float(to, made, ATTR_ALPHA, scale))
		return error_set(err, -ENOMEM, "out of memory for '%s'", node->name);
	return 0;
}

int quantise_recurrent(const struct graph *from, struct graph *to, const struct ranges *ranges,
	const struct quantise_options *options, const struct node *node, uint32_t x,
	const struct recurrent_input *x_of, struct error *err)
{
	const struct tensor *w = &from->tensors[node->inputs[1]];
	const struct tensor *r = &from->tensors[node->inputs[2]];
	const uint32_t h = (uint32_t)r->dims[2], wide = (uint32_t)r->dims[1];
	const float scale = recurrent_state_scale(ranges, node, options);
	const size_t ways = (size_t)r->dims[0], k = (size_t)w->dims[2];
	float *biases = calloc(2 * ways * wide, sizeof(*biases));
	double *mean = calloc(k, sizeof(*mean));
	struct recurrent_matrix of_x = { .w = w->data,
		.bias = biases,
		.mean = mean,
		.in = x_of->of,
		.channels = x_of->channels->n > 0 ? x_of->channels : NULL,
		.ways = (uint32_t)ways,
		.k = (uint32_t)k,
		.n = wide };
	struct recurrent_matrix of_h = { .w = r->data,
		.bias = biases ? biases + ways * wide : NULL,
		.in = { .dtype = DTYPE_I8, .scale = scale },
		.ways = (uint32_t)ways,
		.k = h,
		.n = wide };
	uint32_t inputs[9] = { x };
	int rc = biases && mean ? 0 : error_set(err, -ENOMEM, "out of memory for '%s'", node->name);

	for (uint32_t i = 0; i < 2; i++)
		inputs[7 + i] = node->n_inputs > 5 + i ? node->inputs[5 + i] : GRAPH_NONE;
	if (rc == 0) {
		recurrent_mean(from, ranges, node->inputs[0], (uint32_t)k, mean);
		recurrent_biases(from, node, &of_x, h, biases, biases + ways * wide);
		rc = recurrent_quantise_matrix(to, node, options, &of_x, inputs + 1, err);
	}
	if (rc == 0)
		rc = recurrent_quantise_matrix(to, node, options, &of_h, inputs + 4, err);
	if (rc == 0)
		rc = recurrent_add(to, node, inputs, scale, err);
	free(biases);
	free(mean);
	return rc;
}
