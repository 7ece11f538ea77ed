// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/noise.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/compile/evaluate.h"
#include "infer/graph/trees.h"
#include "infer/ops/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOISE_SEED UINT64_C(0x6e6f697365)
// The errors that are added are this many times as big as those of rounding, so that what the
// evaluation itself rounds does not count; in every second pair much bigger, so that no discrete step
// that hangs by rounding is missed. The others are small enough for a function that bends, such as a
// Sigmoid, which would hide most of a big error. Powers of two.
#define NOISE_GAIN      4.0
#define NOISE_GAIN_STEP 64.0
#define NOISE_ROUNDING  0x1p-24 // of a float, relative
#define NOISE_FUNCTION  4.0     // roundings that a kernel's function may be off
#define NOISE_ALIKE     1.001 // times the least that squares of terms add up to: the terms are alike
#define NOISE_STEP      1e-5f // of a score: a step that moves it less does not matter
#define NOISE_FLOOR     5e-7  // of a score: no result is closer than that
#define NOISE_LEAST     1e-30 // what is smaller may be flushed to 0
#define NOISE_PAIRS_MAX 8u
#define NOISE_WORK      ((uint64_t)1 << 31) // multiply-adds of all evaluations
#define NOISE_BYTES     ((uint64_t)1 << 28) // of all values at a time

// What an operator rounds.
enum noise_kind {
	NOISE_NONE,    // nothing: it moves, chooses or counts
	NOISE_SUMMED,  // sums of products, linear in the magnitudes of its inputs
	NOISE_ROUNDED, // a function of each value
	NOISE_WITHIN,  // anything else: sums and functions of its inputs
};

// `lanes` evaluations of each row lie side by side: the undisturbed one, then pairs with opposite
// errors.
struct noise {
	const struct graph *graph;
	uint32_t n_rows, lanes, count; // count: n_rows * lanes
	void **values;                 // [n_tensors] [count][tensor_bytes]; NULL: not there
	uint32_t *last_use;            // [n_tensors] the node that reads it last
	bool *decided_otherwise;       // [n_rows]
	// Is there a node of which a result may be small beside what it was made from? Then no score is
	// closer than its column's largest.
	bool hides;
	uint64_t random;
	struct error *err;
};

// Of trees: are the sums of whole numbers, as of votes, and so small that none is rounded?
static bool noise_is_exact(const struct graph *graph, const struct node *node)
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

static enum noise_kind noise_kind_of(const struct graph *graph, const struct node *node)
{
	if (node->outputs[0] == GRAPH_NONE || graph->tensors[node->outputs[0]].dtype != DTYPE_F32)
		return NOISE_NONE;
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
		return NOISE_NONE;
	case OP_DENSE:
	case OP_AFFINE:
	case OP_CONV:
		return node_int(node, ATTR_ACTIVATION, ACTIVATION_NONE) == ACTIVATION_NONE
			? NOISE_SUMMED
			: NOISE_WITHIN;
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
		return NOISE_SUMMED;
	case OP_TREES:
		return noise_is_exact(graph, node) ? NOISE_NONE : NOISE_SUMMED;
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
		return NOISE_ROUNDED;
	default:
		return NOISE_WITHIN;
	}
}

// --- Discrete steps ------------------------------------------------------------------------------

// Does the node turn values that vary into some of few, other than by its output's type?
static bool noise_is_step(enum op op)
{
	return op == OP_TREES || op == OP_CEIL || op == OP_FLOOR || op == OP_ROUND ||
		op == OP_SIGN || op == OP_MOD;
}

// Marks the rows of which an evaluation came to another result of a discrete step.
static void noise_find_steps(struct noise *noise, const struct node *node)
{
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		const uint32_t t = node->outputs[o];
		const struct tensor *tensor;
		size_t bytes;

		if (t == GRAPH_NONE)
			continue;
		tensor = &noise->graph->tensors[t];
		if (dtype_is_float(tensor->dtype) && !noise_is_step(node->op))
			continue;
		bytes = tensor_bytes(tensor);
		for (uint32_t l = 0; l < noise->count; l++) {
			const uint32_t row = l / noise->lanes;
			const char *values = noise->values[t];

			if (memcmp(values + l * bytes, values + row * noise->lanes * bytes,
				    bytes) != 0)
				noise->decided_otherwise[row] = true;
		}
	}
}

// --- Errors --------------------------------------------------------------------------------------

static double noise_draw(struct noise *noise) // -1 to 1
{
	return (double)(int64_t)random_next(&noise->random) * 0x1p-63;
}

static double noise_gain(uint32_t lane)
{
	return (lane - 1) / 2 % 2 ? NOISE_GAIN_STEP : NOISE_GAIN;
}

// Puts opposite errors of up to `size` into each pair of evaluations of one value. `at` points to
// the undisturbed one; from one evaluation to the next it is `stride` values.
static void noise_add(struct noise *noise, float *at, size_t stride, double size)
{
	size *= NOISE_ROUNDING;
	if (!isfinite(size * NOISE_GAIN_STEP))
		return;
	for (uint32_t l = 1; l < noise->lanes; l += 2) {
		const double error = noise_draw(noise) * size * noise_gain(l);

		at[l * stride] = (float)((double)at[l * stride] + error);
		at[(l + 1) * stride] = (float)((double)at[(l + 1) * stride] - error);
	}
}

static bool noise_is_mean(enum op op)
{
	return op == OP_REDUCE_MEAN || op == OP_AVERAGE_POOL;
}

// Terms of a sum for each of the node's results.
static double noise_terms(const struct graph *graph, const struct node *node)
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

// What a sum of `terms` terms is off by, before the factor of rounding, where `sum` of them came out,
// which is `magnitude` were they all positive, and of their squares `squares`. Each product is rounded,
// and each partial sum. In a random order partial sums go to the result in a straight line but for a
// random walk that ends at 0 (a Brownian bridge): the squares of all add up to a third of terms * sum^2
// and a sixth of terms * squares. Two kernels that add in another order are off twice. Terms that are all
// alike, as the squares tell, are rounded all alike, too: those errors add up, to half of each partial sum.
static double noise_of_sum(double terms, double sum, double magnitude, double squares)
{
	const double most = magnitude * magnitude, least = most / fmax(1.0, terms);
	const double spread = fmin(fmax(isfinite(squares) ? squares : most, least), most);
	const double by_chance = sqrt(spread + terms * (2.0 * sum * sum + spread) / 3.0);

	return spread <= least * NOISE_ALIKE ? fmax(by_chance, terms / 2 * magnitude) : by_chance;
}

// Errors of sums. magnitudes, squares: [n_rows][elements] of what was summed up.
static void noise_add_to_sums(
	struct noise *noise, const struct node *node, const float *magnitudes, const float *squares)
{
	const uint32_t t = node->outputs[0];
	const size_t elements = (size_t)tensor_elements(&noise->graph->tensors[t]);
	const double terms = noise_terms(noise->graph, node);
	// What is divided by the count of terms has them divided by it, too.
	const double divided = noise_is_mean(node->op) ? terms : 1.0;
	float *values = noise->values[t];

	for (uint32_t r = 0; r < noise->n_rows; r++) {
		for (size_t e = 0; e < elements; e++) {
			float *value = values + r * noise->lanes * elements + e;
			const size_t at = r * elements + e;

			noise_add(noise, value, elements,
				noise_of_sum(terms, (double)*value, (double)magnitudes[at],
					(double)squares[at] / divided));
		}
	}
}

// Some functions end so close to 0 that some kernels have 0 where others have a little.
static bool noise_may_flush(enum op op)
{
	return op == OP_EXP || op == OP_SIGMOID || op == OP_SOFTMAX;
}

// Some functions are computed as a difference, which is less exact than the result is small.
static bool noise_is_difference(enum op op)
{
	return op == OP_GELU || op == OP_ELU || op == OP_SELU || op == OP_ERF ||
		op == OP_HARD_SIGMOID;
}

// Roundings that a result of the node may be off, relative to it. The terms that a Softmax divides by
// may be alike, and then their errors add up.
static double noise_roundings(const struct graph *graph, const struct node *node)
{
	const struct tensor *x;

	if (node->op != OP_SOFTMAX && node->op != OP_LOG_SOFTMAX)
		return NOISE_FUNCTION;
	x = &graph->tensors[node->inputs[0]];
	return fmax(NOISE_FUNCTION, (double)x->dims[x->rank - 1] / 2);
}

static void noise_add_to_results(struct noise *noise, const struct node *node)
{
	const double roundings = noise_roundings(noise->graph, node);

	for (uint32_t o = 0; o < node->n_outputs; o++) {
		const uint32_t t = node->outputs[o];
		const float *x = NULL;
		size_t elements;
		float *values;

		if (t == GRAPH_NONE || noise->graph->tensors[t].dtype != DTYPE_F32)
			continue;
		elements = (size_t)tensor_elements(&noise->graph->tensors[t]);
		values = noise->values[t];
		if (noise_is_difference(node->op))
			x = noise->values[node->inputs[0]];
		for (size_t r = 0; r < noise->n_rows; r++) {
			for (size_t e = 0; e < elements; e++) {
				const size_t at = r * noise->lanes * elements + e;
				double size = fabs((double)values[at]);

				// A HardSigmoid that was cut to 0 or 1 is exact.
				if (node->op == OP_HARD_SIGMOID && (size == 0 || size == 1))
					continue;
				if (x)
					size = fmax(size, fmin(1.0, fabs((double)x[at])));
				if (noise_may_flush(node->op))
					size = fmax(size, NOISE_LEAST / NOISE_ROUNDING);
				noise_add(noise, values + at, elements, roundings * size);
			}
		}
	}
}

// --- Evaluation ----------------------------------------------------------------------------------

static uint64_t noise_live_bytes(const struct graph *graph, const uint32_t *last_use)
{
	uint64_t live = graph->n_features * sizeof(float), most = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++)
			live += node->outputs[o] == GRAPH_NONE
				? 0
				: tensor_bytes(&graph->tensors[node->outputs[o]]);
		most = live > most ? live : most;
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			const uint32_t t = node->inputs[i];

			if (t != GRAPH_NONE && !graph->tensors[t].data && last_use[t] == n &&
				live >= tensor_bytes(&graph->tensors[t]))
				live -= tensor_bytes(&graph->tensors[t]);
		}
	}
	return most;
}

static int noise_allocate(struct noise *noise, uint32_t t)
{
	const size_t bytes = tensor_bytes(&noise->graph->tensors[t]);

	noise->values[t] = calloc(noise->count, bytes + 1);
	return noise->values[t] ? 0 : error_set(noise->err, -ENOMEM, "out of memory");
}

static void noise_forget(struct noise *noise, uint32_t t)
{
	free(noise->values[t]);
	noise->values[t] = NULL;
}

// Runs the node on all evaluations; of a NOISE_WITHIN its inputs are disturbed as well.
static int noise_run(struct noise *noise, const struct node *node, enum noise_kind kind)
{
	const struct graph *graph = noise->graph;
	struct evaluation evaluation = { .graph = graph, .node = node, .n = noise->count };
	int rc = evaluation_init(&evaluation, noise->err);

	for (uint32_t i = 0; i < node->n_inputs && rc == 0; i++) {
		const uint32_t t = node->inputs[i];
		size_t elements;
		float *copy;

		if (t == GRAPH_NONE || graph->tensors[t].data)
			continue;
		evaluation.x[i] = noise->values[t];
		if (kind != NOISE_WITHIN || graph->tensors[t].dtype != DTYPE_F32)
			continue;
		elements = (size_t)tensor_elements(&graph->tensors[t]);
		copy = evaluation_own(&evaluation, i, noise->err);
		rc = copy ? 0 : noise->err->code;
		for (size_t r = 0; copy && r < noise->n_rows; r++) {
			for (size_t e = 0; e < elements; e++) {
				float *at = copy + r * noise->lanes * elements + e;

				noise_add(noise, at, elements, fabs((double)*at));
			}
		}
	}
	for (uint32_t o = 0; o < node->n_outputs && rc == 0; o++) {
		if (node->outputs[o] == GRAPH_NONE)
			continue;
		rc = noise_allocate(noise, node->outputs[o]);
		evaluation.y[o] = noise->values[node->outputs[o]];
	}
	if (rc == 0)
		rc = evaluation_run(&evaluation, noise->err);
	evaluation_fini(&evaluation);
	return rc;
}

// Is input i taken by its magnitude for the magnitude of the result? Of trees, only what is at
// leaves.
static bool noise_takes_magnitude(enum op op, uint32_t i)
{
	if (op == OP_TREES)
		return i == TREES_WEIGHT || i == TREES_BASE || i == TREES_LINEAR_CONSTANT ||
			i == TREES_LINEAR_COEFFICIENT;
	return op != OP_BATCH_NORM || i != 4; // the variance
}

// Is it subtracted?
static bool noise_is_subtracted(enum op op, uint32_t i)
{
	return (op == OP_SUB && i == 1) || (op == OP_BATCH_NORM && i == 3);
}

static void noise_take_magnitudes(float *values, size_t count, int power, bool subtracted)
{
	for (size_t i = 0; i < count; i++) {
		const float magnitude = power == 2 ? values[i] * values[i] : fabsf(values[i]);

		values[i] = subtracted ? -magnitude : magnitude;
	}
}

// The same node on the magnitudes of its inputs, of the undisturbed rows, or on their squares: what the
// results would be did nothing cancel, or the sums of the squares of the terms. magnitudes:
// [n_rows][elements].
static int noise_magnitudes(
	struct noise *noise, const struct node *node, int power, float *magnitudes)
{
	const struct graph *graph = noise->graph;
	struct evaluation evaluation = {
		.graph = graph, .node = node, .n = noise->n_rows, .power = power
	};
	int rc = evaluation_init(&evaluation, noise->err);

	for (uint32_t i = 0; i < node->n_inputs && rc == 0; i++) {
		const uint32_t t = node->inputs[i];
		size_t bytes, count;
		char *copy;

		if (t == GRAPH_NONE)
			continue;
		bytes = tensor_bytes(&graph->tensors[t]);
		count = (size_t)tensor_elements(&graph->tensors[t]);
		if (graph->tensors[t].data &&
			(graph->tensors[t].dtype != DTYPE_F32 ||
				!noise_takes_magnitude(node->op, i)))
			continue;
		copy = evaluation_own(&evaluation, i, noise->err);
		if (!copy) {
			rc = noise->err->code;
			break;
		}
		if (!graph->tensors[t].data) {
			for (uint32_t r = 0; r < noise->n_rows; r++)
				memcpy(copy + r * bytes,
					(char *)noise->values[t] + r * noise->lanes * bytes, bytes);
			count *= noise->n_rows;
		}
		if (graph->tensors[t].dtype == DTYPE_F32 && noise_takes_magnitude(node->op, i))
			noise_take_magnitudes((float *)(void *)copy, count, power,
				noise_is_subtracted(node->op, i));
	}
	evaluation.y[0] = magnitudes;
	if (rc == 0)
		rc = evaluation_run(&evaluation, noise->err);
	evaluation_fini(&evaluation);
	return rc;
}

static int noise_node(struct noise *noise, uint32_t n)
{
	const struct node *node = &noise->graph->nodes[n];
	const enum noise_kind kind = noise_kind_of(noise->graph, node);
	int rc = noise_run(noise, node, kind);

	noise->hides |= kind == NOISE_WITHIN && node->op != OP_SOFTMAX;

	if (rc == 0)
		noise_find_steps(noise, node);
	if (rc == 0 && kind == NOISE_SUMMED) {
		const struct tensor *out = &noise->graph->tensors[node->outputs[0]];
		float *magnitudes = calloc(noise->n_rows, tensor_bytes(out) + 1);
		float *squares = calloc(noise->n_rows, tensor_bytes(out) + 1);

		rc = magnitudes && squares ? noise_magnitudes(noise, node, 1, magnitudes)
					   : error_set(noise->err, -ENOMEM, "out of memory");
		if (rc == 0)
			rc = noise_magnitudes(noise, node, 2, squares);
		if (rc == 0)
			noise_add_to_sums(noise, node, magnitudes, squares);
		free(magnitudes);
		free(squares);
	} else if (rc == 0 && kind != NOISE_NONE) {
		noise_add_to_results(noise, node);
	}
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE && noise->last_use[node->inputs[i]] == n)
			noise_forget(noise, node->inputs[i]);
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (node->outputs[o] != GRAPH_NONE && noise->last_use[node->outputs[o]] == n)
			noise_forget(noise, node->outputs[o]);
	}
	return rc;
}

static int noise_inputs(struct noise *noise, const float *rows)
{
	const struct graph *graph = noise->graph;

	for (uint32_t p = 0; p < graph->n_inputs; p++) {
		const struct graph_port *port = &graph->inputs[p];
		const size_t bytes = tensor_bytes(&graph->tensors[port->tensor]);

		if (noise_allocate(noise, port->tensor) != 0)
			return noise->err->code;
		for (uint32_t l = 0; l < noise->count; l++)
			memcpy((char *)noise->values[port->tensor] + l * bytes,
				rows + (size_t)(l / noise->lanes) * graph->n_features +
					port->first_column,
				bytes);
	}
	return 0;
}

// --- What comes out ------------------------------------------------------------------------------

// The mean square that a score of row `row` is off over its evaluations: over those with small errors,
// or those with big ones, whichever is more. `values`: [count][elements].
static double noise_variance(
	const struct noise *noise, const float *values, uint32_t row, size_t elements)
{
	const float *at = values + (size_t)row * noise->lanes * elements;
	double sum[2] = { 0, 0 };
	uint32_t count[2] = { 0, 0 };

	for (uint32_t l = 1; l < noise->lanes; l++) {
		const double gain = noise_gain(l);
		const double apart = ((double)at[l * elements] - (double)at[0]) / gain;
		const int of = gain == NOISE_GAIN_STEP;

		sum[of] += apart * apart;
		count[of]++;
	}
	return fmax(sum[0] / count[0], sum[1] / count[1]);
}

// The spread of a score over its evaluations. From few of them it is known badly, and one may be
// close to 0 by chance: what scores of that size are off in other rows counts the more, the fewer there
// are.
static double noise_spread(const struct noise *noise, double own, double of_others)
{
	const uint32_t pairs = (noise->lanes - 1) / 2;
	const double weight = 4.0 / pairs;
	const double variance = (pairs * own + weight * of_others) / (pairs + weight);

	return sqrt(variance) * (4.0 + 24.0 / pairs);
}

static int noise_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// The variance of a score of size 1 in the other rows: the median, since rows may be of very different
// magnitudes.
static double noise_typical(const struct noise *noise, const double *variance, const float *outputs,
	size_t column, double *relative)
{
	const size_t n_columns = noise->graph->n_columns_out;
	uint32_t n = 0;

	for (uint32_t r = 0; r < noise->n_rows; r++) {
		const double score = (double)outputs[r * n_columns + column];

		if (score != 0 && isfinite(variance[r]) && !noise->decided_otherwise[r])
			relative[n++] = variance[r] / (score * score);
	}
	qsort(relative, n, sizeof(*relative), noise_compare);
	return n > 0 ? relative[n / 2] : 0;
}

// The mean variance of a score in the rows.
static double noise_mean(const struct noise *noise, const double *variance)
{
	double sum = 0;
	uint32_t n = 0;

	for (uint32_t r = 0; r < noise->n_rows; r++) {
		if (isfinite(variance[r]) && !noise->decided_otherwise[r]) {
			sum += variance[r];
			n++;
		}
	}
	return n > 0 ? sum / n : 0;
}

static double noise_largest(const struct noise *noise, const float *outputs, size_t column)
{
	double largest = 0;

	for (uint32_t r = 0; r < noise->n_rows; r++)
		largest = fmax(
			largest, fabs((double)outputs[r * noise->graph->n_columns_out + column]));
	return largest;
}

// Column `column` of the scores, the element `values` points to of its tensor. NULL: a constant.
// scratch: [2][n_rows].
static void noise_collect_column(const struct noise *noise, const float *values, size_t elements,
	size_t column, const float *outputs, float *tolerance, double *scratch)
{
	const size_t n_columns = noise->graph->n_columns_out;
	double *variance = scratch;
	double typical, mean, largest;

	for (uint32_t r = 0; r < noise->n_rows; r++)
		variance[r] = values ? noise_variance(noise, values, r, elements) : 0;
	typical = noise_typical(noise, variance, outputs, column, scratch + noise->n_rows);
	mean = noise_mean(noise, variance);
	largest = noise_largest(noise, outputs, column);
	for (uint32_t r = 0; r < noise->n_rows; r++) {
		const double score = fabs((double)outputs[r * n_columns + column]);
		const double others = noise->hides ? mean : typical * score * score;

		tolerance[r * n_columns + column] =
			(float)(NOISE_LEAST + (noise->hides ? largest : score) * NOISE_FLOOR +
				noise_spread(noise, variance[r], others));
	}
}

static int noise_collect(const struct noise *noise, const float *outputs, float *tolerance)
{
	const struct graph *graph = noise->graph;
	double *scratch = calloc(2 * (size_t)noise->n_rows, sizeof(*scratch));

	if (!scratch)
		return error_set(noise->err, -ENOMEM, "out of memory");

	for (uint32_t p = 0; p < graph->n_outputs; p++) {
		const uint32_t t = graph->outputs[p].tensor;
		const size_t elements = (size_t)tensor_elements(&graph->tensors[t]);
		const float *values = noise->values[t];

		for (size_t e = 0; e < elements; e++)
			noise_collect_column(noise, values ? values + e : NULL, elements,
				graph->outputs[p].first_column + e, outputs, tolerance, scratch);
	}
	free(scratch);
	return 0;
}

// Of a row that hangs by a discrete step, the spread of a score is that of the step: scores that it
// moves could be anything.
static bool noise_hangs(
	const struct noise *noise, uint32_t row, const float *outputs, float *tolerance)
{
	const size_t columns = noise->graph->n_columns_out;
	bool hangs = false;

	for (size_t i = row * columns; i < (row + 1) * columns; i++) {
		if (isfinite(tolerance[i]) &&
			(!noise->decided_otherwise[row] ||
				tolerance[i] <= NOISE_STEP * fmaxf(1.0f, fabsf(outputs[i]))))
			continue;
		tolerance[i] = INFINITY;
		hangs = true;
	}
	return hangs;
}

static void noise_note_last_use(struct noise *noise)
{
	const struct graph *graph = noise->graph;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] != GRAPH_NONE)
				noise->last_use[node->outputs[o]] = n;
		}
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				noise->last_use[node->inputs[i]] = n;
		}
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		noise->last_use[graph->outputs[o].tensor] = UINT32_MAX;
}

// How many evaluations a row can have.
static void noise_set_lanes(struct noise *noise, uint64_t macs)
{
	const uint64_t live = noise_live_bytes(noise->graph, noise->last_use) + 1;
	const uint64_t by_work = NOISE_WORK / (macs + 1) / noise->n_rows / 2;
	const uint64_t by_bytes = NOISE_BYTES / live / noise->n_rows / 2;
	uint64_t pairs = by_work < by_bytes ? by_work : by_bytes;

	pairs = pairs < 2 ? 2 : pairs < NOISE_PAIRS_MAX ? pairs : NOISE_PAIRS_MAX;
	noise->lanes = 1 + 2 * (uint32_t)pairs;
	noise->count = noise->n_rows * noise->lanes;
}

int noise_measure(const struct graph *graph, const float *rows, uint32_t n, const float *outputs,
	uint64_t macs, float *tolerance, bool *hangs, struct error *err)
{
	struct noise noise = {
		.graph = graph,
		.n_rows = n,
		.values = calloc((size_t)graph->n_tensors + 1, sizeof(*noise.values)),
		.last_use = calloc((size_t)graph->n_tensors + 1, sizeof(*noise.last_use)),
		.decided_otherwise = hangs,
		.random = NOISE_SEED,
		.err = err,
	};
	int rc = 0;

	memset(hangs, 0, n * sizeof(*hangs));
	if (n == 0 || !noise.values || !noise.last_use) {
		rc = n == 0 ? 0 : error_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	noise_note_last_use(&noise);
	noise_set_lanes(&noise, macs);
	rc = noise_inputs(&noise, rows);
	for (uint32_t i = 0; i < graph->n_nodes && rc == 0; i++)
		rc = noise_node(&noise, i);
	if (rc == 0)
		rc = noise_collect(&noise, outputs, tolerance);
	for (uint32_t r = 0; r < n && rc == 0; r++)
		hangs[r] = noise_hangs(&noise, r, outputs, tolerance);
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		free(noise.values[t]);
out:
	free(noise.values);
	free(noise.last_use);
	return rc;
}
