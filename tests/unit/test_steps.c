// SPDX-License-Identifier: BSD-3-Clause
// Values of every step against the operator's formula in double, in one-operator graphs: each ISA
// mask, and counts of rows on both sides of the tiles' edges.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "infer/arena.h"
#include "infer/image.h"
#include "infer/infer.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX   257
#define VALUES_MAX 64 // of a row, in or out

static const uint32_t COUNTS[] = { 0, 1, 3, 16, 65, ROWS_MAX };
static const unsigned MASKS[] = { ISA_SCALAR, ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };

static struct graph *graph;
static uint32_t at; // the tensor made last
static uint32_t x;  // the row
static float low = -2.0f, high = 2.0f;

#define DIMS(...)                                                                                  \
	(uint32_t)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[])              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void begin(uint32_t rank, const int64_t *dims)
{
	graph_destroy(graph);
	graph = graph_create();
	assert_non_null(graph);
	at = x = graph_f32(graph, "x", rank, dims);
	low = -2.0f;
	high = 2.0f;
}

static uint32_t constant(uint32_t rank, const int64_t *dims)
{
	char name[16];

	snprintf(name, sizeof(name), "c%u", graph->n_tensors);
	return graph_f32_constant(graph, name, rank, dims, 17 * graph->n_tensors + 3);
}

static const float *values_of(uint32_t tensor)
{
	return graph->tensors[tensor].data;
}

static uint32_t emit(enum op op, uint32_t n_inputs, const uint32_t *inputs, uint32_t n_attrs,
	const struct attr *attrs)
{
	struct tensor shapes[GRAPH_NODE_IO_MAX] = { 0 };
	struct error err = { "" };
	uint32_t none = 0, n;
	char name[16];

	n = graph_add_node(graph, op, NULL, n_inputs, inputs, 1, &none, &err);
	assert_true(n != GRAPH_NONE);
	for (uint32_t a = 0; a < n_attrs; a++) {
		struct node *node = &graph->nodes[n];

		if (attrs[a].kind == ATTR_KIND_INT)
			node_set_int(graph, node, attrs[a].key, attrs[a].i);
		else if (attrs[a].kind == ATTR_KIND_FLOAT)
			node_set_float(graph, node, attrs[a].key, attrs[a].f);
		else
			node_set_ints(graph, node, attrs[a].key, attrs[a].count, attrs[a].ints);
	}
	if (op_infer(graph, &graph->nodes[n], shapes, &err) != 0)
		fail_msg("%s", err.text);
	snprintf(name, sizeof(name), "t%u", graph->n_tensors);
	at = graph_add_tensor(
		graph, name, shapes[0].dtype, shapes[0].rank, shapes[0].dims, NULL, &err);
	graph->nodes[n].outputs[0] = at;
	return at;
}

#define INT_ATTR(k, v)                                                                             \
	(struct attr)                                                                              \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INT, .count = 1, .i = (v)                            \
	}
#define FLOAT_ATTR(k, v)                                                                           \
	(struct attr)                                                                              \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_FLOAT, .count = 1, .f = (v)                          \
	}

// What the step must give for one row.
typedef void formula(const float *row, double *want);

static void check_rows(
	const struct model *model, formula *wanted, const float *rows, uint32_t n, const char *what)
{
	uint32_t columns = model_info(model)->n_features, outputs = model_info(model)->n_outputs;
	uint32_t scratch_rows = n == 0 ? 1 : n < MODEL_BATCH_MAX ? n : MODEL_BATCH_MAX;
	size_t bytes = (model_scratch_bytes(model, scratch_rows) + 64) & ~(size_t)63;
	float *scores = malloc(((size_t)n * outputs + 1) * sizeof(float));
	void *scratch = aligned_alloc(64, bytes);

	scores[n * outputs] = 42.0f;
	model_score(model, rows, scores, n, scratch, scratch_rows);
	assert_true(scores[n * outputs] == 42.0f);
	for (uint32_t r = 0; r < n; r++) {
		double want[VALUES_MAX];

		wanted(rows + (size_t)r * columns, want);
		for (uint32_t o = 0; o < outputs; o++) {
			double got = (double)scores[r * outputs + o];

			if (!(fabs(got - want[o]) <= 2e-5 * fmax(1, fabs(want[o]))))
				fail_msg("%s, %u rows: row %u column %u is %.9g, should be %.9g",
					what, n, r, o, got, want[o]);
		}
	}
	free(scores);
	free(scratch);
}

static void score_everywhere(formula *wanted, const char *what)
{
	static float rows[ROWS_MAX * VALUES_MAX];
	struct error err = { "" };
	unsigned seed = 5;
	void *image;
	size_t size;

	assert_true(graph->n_features <= VALUES_MAX && graph->n_columns_out <= VALUES_MAX);
	for (size_t i = 0; i < ROWS_MAX * VALUES_MAX; i++)
		rows[i] = low + (graph_random(&seed) + 0.5f) * (high - low);
	if (image_write(graph, &image, &size, &err) != 0)
		fail_msg("%s: %s", what, err.text);
	for (size_t m = 0; m < sizeof(MASKS) / sizeof(*MASKS); m++) {
		const struct model_options options = { .isa_mask = MASKS[m] & isa_detected(),
			.isa_limited = true,
			.no_timing = true };
		struct model *model;

		if (model_open(image, size, &options, &model, &err) != 0)
			fail_msg("%s: %s", what, err.text);
		for (size_t c = 0; c < sizeof(COUNTS) / sizeof(*COUNTS); c++)
			check_rows(model, wanted, rows, COUNTS[c], what);
		model_close(model);
	}
	free(image);
}

static void check(formula *wanted, const char *what)
{
	graph_finish(graph, x, at);
	score_everywhere(wanted, what);
}

// --- Gemm, MatMul -------------------------------------------------------------------------------

static const float *w, *c;
static int64_t m, k, n, c_row, c_column; // strides of C in its broadcast
static bool trans_a, trans_b;

static void gemm_formula(const float *row, double *want)
{
	for (int64_t i = 0; i < m; i++) {
		for (int64_t j = 0; j < n; j++) {
			double sum = 0;

			for (int64_t l = 0; l < k; l++)
				sum += (double)(trans_a ? row[l * m + i] : row[i * k + l]) *
					(double)(trans_b ? w[j * k + l] : w[l * n + j]);
			want[i * n + j] = 0.5 * sum;
			if (c)
				want[i * n + j] += -1.5 * (double)c[i * c_row + j * c_column];
		}
	}
}

// form: of C; 0 none, 1 [n], 2 [1], 3 [m, 1], 4 [m, n], 5 a scalar
static void check_gemm(int form)
{
	uint32_t inputs[3];
	const struct attr attrs[] = { FLOAT_ATTR(ATTR_ALPHA, 0.5f), FLOAT_ATTR(ATTR_BETA, -1.5f),
		INT_ATTR(ATTR_TRANS_A, trans_a), INT_ATTR(ATTR_TRANS_B, trans_b) };
	const int64_t c_dims[][2] = { { 0 }, { n }, { 1 }, { m, 1 }, { m, n }, { 0 } };
	const uint32_t c_rank[] = { 0, 1, 1, 2, 2, 0 };
	char what[64];

	begin(DIMS(trans_a ? k : m, trans_a ? m : k));
	inputs[0] = x;
	inputs[1] = constant(DIMS(trans_b ? n : k, trans_b ? k : n));
	w = values_of(inputs[1]);
	c = NULL;
	if (form) {
		inputs[2] = constant(c_rank[form], c_dims[form]);
		c = values_of(inputs[2]);
		c_row = form == 3 ? 1 : form == 4 ? n : 0;
		c_column = form == 1 || form == 4;
	}
	emit(OP_GEMM, form ? 3 : 2, inputs, 4, attrs);
	snprintf(what, sizeof(what), "Gemm m %d transA %d transB %d C %d", (int)m, trans_a, trans_b,
		form);
	check(gemm_formula, what);
}

static void gemm_in_every_form(void **state)
{
	k = 7;
	n = 5;
	for (m = 1; m <= 3; m += 2) {
		for (int form = 0; form < 24; form++) {
			trans_a = form / 6 & 1;
			trans_b = form / 12;
			check_gemm(form % 6);
		}
	}
}

// x [2, 3, 4] times w [2 or 1, 4, 5]: the leading dimension broadcasts.
static int64_t w_batches;

static void matmul_formula(const float *row, double *want)
{
	for (int64_t b = 0; b < 2; b++) {
		for (int64_t i = 0; i < 3; i++) {
			for (int64_t j = 0; j < 5; j++) {
				double sum = 0;

				for (int64_t l = 0; l < 4; l++)
					sum += (double)row[b * 12 + i * 4 + l] *
						(double)w[b % w_batches * 20 + l * 5 + j];
				want[b * 15 + i * 5 + j] = sum;
			}
		}
	}
}

static void matmul_with_leading_dimensions(void **state)
{
	for (w_batches = 1; w_batches <= 2; w_batches++) {
		uint32_t right;

		begin(DIMS(2, 3, 4));
		right = constant(DIMS(w_batches, 4, 5));
		w = values_of(right);
		emit(OP_MATMUL, 2, (uint32_t[]){ x, right }, 0, NULL);
		check(matmul_formula, "MatMul [2, 3, 4] x [B, 4, 5]");
	}
	w_batches = 1;
	begin(DIMS(2, 3, 4));
	const uint32_t right = constant(DIMS(4, 5));

	w = values_of(right);
	emit(OP_MATMUL, 2, (uint32_t[]){ x, right }, 0, NULL);
	check(matmul_formula, "MatMul [2, 3, 4] x [4, 5]");
}

static void matrix_vector_formula(const float *row, double *want)
{
	for (int64_t i = 0; i < 3; i++) {
		want[i] = 0;
		for (int64_t l = 0; l < 4; l++)
			want[i] += (double)row[i * 4 + l] * (double)w[l];
	}
}

static void constant_on_the_left_formula(const float *row, double *want)
{
	for (int64_t i = 0; i < 2; i++) {
		for (int64_t j = 0; j < 4; j++) {
			want[i * 4 + j] = 0;
			for (int64_t l = 0; l < 3; l++)
				want[i * 4 + j] += (double)w[i * 3 + l] * (double)row[l * 4 + j];
		}
	}
}

static void matmul_of_vectors_and_from_the_left(void **state)
{
	uint32_t other;

	begin(DIMS(3, 4));
	other = constant(DIMS(4));
	w = values_of(other);
	emit(OP_MATMUL, 2, (uint32_t[]){ x, other }, 0, NULL);
	check(matrix_vector_formula, "MatMul [3, 4] x [4]");
	begin(DIMS(3, 4));
	other = constant(DIMS(2, 3));
	w = values_of(other);
	emit(OP_MATMUL, 2, (uint32_t[]){ other, x }, 0, NULL);
	check(constant_on_the_left_formula, "MatMul [2, 3] x [3, 4]");
}

// --- Arithmetic ---------------------------------------------------------------------------------

static enum op op_now;
static bool turned; // the constant comes first
static int64_t c_strides[3];

static double apply(double a, double b)
{
	switch (op_now) {
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
		return a * b;
	default:
		return a / b;
	}
}

static void binary_formula(const float *row, double *want) // row [2, 3, 4]
{
	for (int64_t i = 0; i < 24; i++) {
		double a = (double)row[i];
		double b = (double)
			c[i / 12 * c_strides[0] + i / 4 % 3 * c_strides[1] + i % 4 * c_strides[2]];

		want[i] = turned ? apply(b, a) : apply(a, b);
	}
}

static void arithmetic_with_broadcast_constants(void **state)
{
	static const struct {
		uint32_t rank;
		int64_t dims[3], strides[3];
	} FORMS[] = {
		{ 0, { 0 }, { 0 } },
		{ 1, { 1 }, { 0 } },
		{ 1, { 4 }, { 0, 0, 1 } },
		{ 2, { 3, 1 }, { 0, 1, 0 } },
		{ 3, { 2, 1, 4 }, { 4, 0, 1 } },
		{ 3, { 2, 1, 1 }, { 1, 0, 0 } },
		{ 3, { 2, 3, 4 }, { 12, 4, 1 } },
	};

	for (op_now = OP_ADD; op_now <= OP_DIV; op_now++) {
		for (size_t f = 0; f < 2 * sizeof(FORMS) / sizeof(*FORMS); f++) {
			uint32_t other;

			turned = f & 1;
			begin(DIMS(2, 3, 4));
			other = constant(FORMS[f / 2].rank, FORMS[f / 2].dims);
			c = values_of(other);
			memcpy(c_strides, FORMS[f / 2].strides, sizeof(c_strides));
			low = turned && op_now == OP_DIV ? 0.5f : -2.0f;
			emit(op_now, 2, (uint32_t[]){ turned ? other : x, turned ? x : other }, 0,
				NULL);
			check(binary_formula, op_name(op_now));
		}
	}
}

// Two inputs side by side, [3, 1] and [1, 4], and two outputs: a op b, and b again through Relu.
static void two_ports_formula(const float *row, double *want)
{
	for (int i = 0; i < 12; i++)
		want[i] = apply((double)row[i / 4], (double)row[3 + i % 4]);
	for (int i = 0; i < 4; i++)
		want[12 + i] = fmax(0, (double)row[3 + i]);
}

static void ports_side_by_side(void **state)
{
	for (op_now = OP_ADD; op_now <= OP_DIV; op_now++) {
		struct graph_port *ports;
		uint32_t b, sum;

		begin(DIMS(3, 1));
		b = graph_f32(graph, "b", DIMS(1, 4));
		sum = emit(op_now, 2, (uint32_t[]){ x, b }, 0, NULL);
		emit(OP_RELU, 1, &b, 0, NULL);
		graph_finish(graph, b, sum); // names for more columns than these are needed
		ports = arena_calloc(graph->arena, 4, sizeof(*ports));
		ports[0] = (struct graph_port){ x, 0 };
		ports[1] = (struct graph_port){ b, 3 };
		ports[2] = (struct graph_port){ sum, 0 };
		ports[3] = (struct graph_port){ at, 12 };
		graph->inputs = ports;
		graph->outputs = ports + 2;
		graph->n_inputs = graph->n_outputs = 2;
		graph->n_features = 7;
		graph->n_columns_out = 16;
		graph->feature_names = graph->output_names =
			arena_calloc(graph->arena, 16, sizeof(char *));
		for (int i = 0; i < 16; i++)
			graph->output_names[i] = "c";
		low = 0.5f; // divisors
		score_everywhere(two_ports_formula, op_name(op_now));
	}
}

// --- Activations --------------------------------------------------------------------------------

static double activation_of(double v)
{
	switch (op_now) {
	case OP_RELU:
		return fmax(v, 0);
	case OP_LEAKY_RELU:
		return v < 0 ? 0.3f * v : v;
	case OP_ELU:
		return v < 0 ? 0.3f * expm1(v) : v;
	case OP_SELU:
		return 1.25 * (v > 0 ? v : 0.3f * expm1(v));
	case OP_SIGMOID:
		return 1 / (1 + exp(-v));
	case OP_HARD_SIGMOID:
		return fmax(0, fmin(1, 0.3f * v + 0.75));
	case OP_TANH:
		return tanh(v);
	case OP_SOFTPLUS:
		return log1p(exp(v));
	case OP_SOFTSIGN:
		return v / (1 + fabs(v));
	case OP_GELU:
		return turned
			? 0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)))
			: 0.5 * v * (1 + erf(v * M_SQRT1_2));
	default:
		return fmax(-1.5, fmin(2.5, v));
	}
}

static void activation_formula(const float *row, double *want)
{
	for (int i = 0; i < 13; i++)
		want[i] = activation_of((double)row[i]);
}

static void every_activation(void **state)
{
	static const enum op OPS[] = { OP_RELU, OP_LEAKY_RELU, OP_ELU, OP_SELU, OP_SIGMOID,
		OP_HARD_SIGMOID, OP_TANH, OP_SOFTPLUS, OP_SOFTSIGN, OP_GELU, OP_CLIP };

	for (size_t o = 0; o < sizeof(OPS) / sizeof(*OPS) + 1; o++) {
		turned = o == sizeof(OPS) / sizeof(*OPS); // once more, Gelu by tanh
		op_now = turned ? OP_GELU : OPS[o];
		const struct attr attrs[] = { FLOAT_ATTR(ATTR_ALPHA, 0.3f),
			FLOAT_ATTR(ATTR_BETA, 0.75f), FLOAT_ATTR(ATTR_GAMMA, 1.25f),
			FLOAT_ATTR(ATTR_MIN, -1.5f), FLOAT_ATTR(ATTR_MAX, 2.5f),
			INT_ATTR(ATTR_APPROXIMATE, turned) };

		begin(DIMS(1, 13));
		low = -6.0f;
		high = 6.0f;
		emit(op_now, 1, &x, 6, attrs);
		check(activation_formula, op_name(op_now));
	}
}

static void prelu_formula(const float *row, double *want) // row [2, 3, 4]
{
	for (int i = 0; i < 24; i++)
		want[i] = row[i] < 0 ? (double)row[i] * (double)c[i / 4 % 3] : (double)row[i];
}

static void prelu_slope_a_channel(void **state)
{
	uint32_t slope;

	begin(DIMS(2, 3, 4));
	slope = constant(DIMS(3, 1));
	c = values_of(slope);
	emit(OP_PRELU, 2, (uint32_t[]){ x, slope }, 0, NULL);
	check(prelu_formula, "PRelu");
}

// --- Over an axis -------------------------------------------------------------------------------

static int64_t axis;

static void softmax_formula(const float *row, double *want) // row [2, 3, 4]
{
	static const int64_t DIM[3] = { 2, 3, 4 }, STRIDE[3] = { 12, 4, 1 };

	for (int64_t i = 0; i < 24; i++) {
		int64_t first = i - i / STRIDE[axis] % DIM[axis] * STRIDE[axis];
		double sum = 0;

		for (int64_t d = 0; d < DIM[axis]; d++)
			sum += exp((double)row[first + d * STRIDE[axis]]);
		want[i] = op_now == OP_SOFTMAX ? exp((double)row[i]) / sum
					       : (double)row[i] - log(sum);
	}
}

static void softmax_on_each_axis(void **state)
{
	for (op_now = OP_SOFTMAX; op_now <= OP_LOG_SOFTMAX; op_now++) {
		for (axis = 0; axis < 3; axis++) {
			begin(DIMS(2, 3, 4));
			emit(op_now, 1, &x, 1, &INT_ATTR(ATTR_AXIS, axis == 1 ? axis - 3 : axis));
			check(softmax_formula, op_name(op_now));
		}
	}
}

static const float *norm[5];

static void batch_norm_formula(const float *row, double *want) // row [2, 3, 4]
{
	for (int i = 0; i < 24; i++) {
		int ch = i / 4 % 3;

		want[i] = ((double)row[i] - (double)norm[3][ch]) /
				sqrt((double)norm[4][ch] + (double)1e-3f) * (double)norm[1][ch] +
			(double)norm[2][ch];
	}
}

static void batch_norm_a_channel(void **state)
{
	static const float VARIANCE[3] = { 0.5f, 1.0f, 2.5f };
	uint32_t inputs[5];

	begin(DIMS(2, 3, 4));
	inputs[0] = x;
	for (int i = 1; i < 5; i++)
		inputs[i] = constant(DIMS(3));
	graph->tensors[inputs[4]].data = VARIANCE;
	for (int i = 1; i < 5; i++)
		norm[i] = values_of(inputs[i]);
	emit(OP_BATCH_NORM, 5, inputs, 1, &FLOAT_ATTR(ATTR_EPSILON, 1e-3f));
	check(batch_norm_formula, "BatchNormalization");
}

static bool has_bias;

static void layer_norm_formula(const float *row, double *want) // row [2, 3, 4]
{
	int length = axis == 0 ? 24 : axis == 1 ? 12 : 4;

	for (int i = 0; i < 24; i++) {
		const float *from = row + i / length * length;
		double mean = 0, variance = 0;

		for (int j = 0; j < length; j++)
			mean += (double)from[j] / length;
		for (int j = 0; j < length; j++)
			variance += pow((double)from[j] - mean, 2) / length;
		// scale [4] broadcasts over the normalised dimensions
		want[i] = ((double)row[i] - mean) / sqrt(variance + (double)1e-4f) *
				(double)norm[1][i % 4] +
			(has_bias ? (double)norm[2][i % 4] : 0);
	}
}

static void layer_norm_from_each_axis(void **state)
{
	for (int form = 0; form < 6; form++) {
		uint32_t inputs[3];
		const struct attr attrs[] = { INT_ATTR(ATTR_AXIS, form / 2 - 3),
			FLOAT_ATTR(ATTR_EPSILON, 1e-4f) };

		axis = form / 2;
		has_bias = form & 1;
		begin(DIMS(2, 3, 4));
		inputs[0] = x;
		inputs[1] = constant(DIMS(4));
		inputs[2] = constant(DIMS(4));
		norm[1] = values_of(inputs[1]);
		norm[2] = values_of(inputs[2]);
		emit(OP_LAYER_NORM, has_bias ? 3 : 2, inputs, 2, attrs);
		check(layer_norm_formula, "LayerNormalization");
	}
}

static int64_t norm_kind;

// MAX takes the largest value, not the largest magnitude: so does ONNX Runtime.
static void normalizer_formula(const float *row, double *want)
{
	double by = norm_kind == NORM_MAX ? -INFINITY : 0;

	for (int i = 0; i < 11; i++) {
		if (norm_kind == NORM_MAX)
			by = fmax(by, (double)row[i]);
		else
			by += norm_kind == NORM_L1 ? fabs((double)row[i])
						   : (double)row[i] * (double)row[i];
	}
	by = norm_kind == NORM_L2 ? sqrt(by) : by;
	for (int i = 0; i < 11; i++)
		want[i] = (double)row[i] / by;
}

static void normalizer_of_each_norm(void **state)
{
	for (int form = 0; form < 2 * NORM_COUNT; form++) {
		norm_kind = form / 2;
		begin(DIMS(1, 11));
		low = form & 1 ? -3.0f : -2.0f;
		high = form & 1 ? -1.0f : 2.0f; // all negative: MAX turns the signs
		emit(OP_NORMALIZER, 1, &x, 1, &INT_ATTR(ATTR_NORM, norm_kind));
		check(normalizer_formula, "Normalizer");
	}
}

// --- Moving -------------------------------------------------------------------------------------

static void concat_formula(const float *row, double *want) // row [2, 3], c [2, 3], row
{
	for (int part = 0; part < 3; part++) {
		for (int i = 0; i < 6; i++)
			want[axis == 0 ? part * 6 + i : i / 3 * 9 + part * 3 + i % 3] =
				(double)(part == 1 ? c : row)[i];
	}
}

static void concat_on_each_axis(void **state)
{
	for (axis = 0; axis < 2; axis++) {
		uint32_t middle;

		begin(DIMS(2, 3));
		middle = constant(DIMS(2, 3));
		c = values_of(middle);
		emit(OP_CONCAT, 3, (uint32_t[]){ x, middle, x }, 1, &INT_ATTR(ATTR_AXIS, axis - 2));
		check(concat_formula, "Concat");
	}
}

static enum dtype dtype_now;

// Round to nearest, ties to even, to `bits` of mantissa, as f16 (down to 2^-24) and bf16 hold it.
static double rounded(double v, int bits, double smallest)
{
	int exponent;
	double step;

	frexp(v, &exponent);
	step = fmax(ldexp(1, exponent - bits), smallest);
	return nearbyint(v / step) * step;
}

static void cast_formula(const float *row, double *want)
{
	for (int i = 0; i < 9; i++) {
		double v = (double)row[i];

		want[i] = dtype_now == DTYPE_F16  ? rounded(v, 11, 0x1p-24)
			: dtype_now == DTYPE_BF16 ? rounded(v, 8, 0)
			: dtype_now == DTYPE_BOOL ? v != 0
						  : trunc(v);
	}
}

static void casts_there_and_back(void **state)
{
	static const enum dtype TO[] = { DTYPE_F16, DTYPE_BF16, DTYPE_I64, DTYPE_I32, DTYPE_I8,
		DTYPE_U8, DTYPE_BOOL };

	for (size_t t = 0; t < 3 * sizeof(TO) / sizeof(*TO); t++) {
		uint32_t made;

		dtype_now = TO[t / 3];
		begin(DIMS(1, 9));
		low = dtype_now == DTYPE_U8 ? 0.0f : -120.0f;
		high = 120.0f;
		if (t % 3 && dtype_now <= DTYPE_BF16) { // f16's subnormals, and its upper end
			low = t % 3 == 1 ? -1e-4f : 30000.0f;
			high = t % 3 == 1 ? 1e-4f : 65000.0f;
		}
		made = emit(OP_CAST, 1, &x, 1, &INT_ATTR(ATTR_TO, dtype_now));
		emit(OP_CAST, 1, &made, 1, &INT_ATTR(ATTR_TO, DTYPE_F32));
		check(cast_formula, dtype_name(dtype_now));
	}
}

static int tear_down(void **state)
{
	graph_destroy(graph);
	graph = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gemm_in_every_form),
		cmocka_unit_test(matmul_with_leading_dimensions),
		cmocka_unit_test(matmul_of_vectors_and_from_the_left),
		cmocka_unit_test(arithmetic_with_broadcast_constants),
		cmocka_unit_test(ports_side_by_side),
		cmocka_unit_test(every_activation),
		cmocka_unit_test(prelu_slope_a_channel),
		cmocka_unit_test(softmax_on_each_axis),
		cmocka_unit_test(batch_norm_a_channel),
		cmocka_unit_test(layer_norm_from_each_axis),
		cmocka_unit_test(normalizer_of_each_norm),
		cmocka_unit_test(concat_on_each_axis),
		cmocka_unit_test(casts_there_and_back),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, tear_down);
}
