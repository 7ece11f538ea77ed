// SPDX-License-Identifier: BSD-3-Clause
// Values of every step against the operator's formula in double: arithmetic, activations and
// moving.
#include "infer/graph/arena.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/step_check.h"

#include <math.h>
#include <string.h>

static const float *c;
static int64_t axis;

// --- Arithmetic ---------------------------------------------------------------------------------

static enum op op_now;
static bool reversed; // the constant comes first
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

		want[i] = reversed ? apply(b, a) : apply(a, b);
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

			reversed = f & 1;
			step_begin(DIMS(2, 3, 4));
			other = step_constant(FORMS[f / 2].rank, FORMS[f / 2].dims);
			c = step_values(other);
			memcpy(c_strides, FORMS[f / 2].strides, sizeof(c_strides));
			step.low = reversed && op_now == OP_DIV ? 0.5f : -2.0f;
			step_emit(op_now, 2,
				(uint32_t[]){
					reversed ? other : step.x, reversed ? step.x : other },
				0, NULL);
			step_check(binary_formula, op_name(op_now));
		}
	}
}

// Two inputs, [3, 1] and [1, 4], and two outputs: a op b, and b again through Relu.
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

		step_begin(DIMS(3, 1));
		b = graph_f32(step.graph, "b", DIMS(1, 4));
		sum = step_emit(op_now, 2, (uint32_t[]){ step.x, b }, 0, NULL);
		step_emit(OP_RELU, 1, &b, 0, NULL);
		graph_finish(step.graph, b, sum); // names for more columns than these are needed
		ports = arena_calloc(step.graph->arena, 4, sizeof(*ports));
		ports[0] = (struct graph_port){ step.x, 0 };
		ports[1] = (struct graph_port){ b, 3 };
		ports[2] = (struct graph_port){ sum, 0 };
		ports[3] = (struct graph_port){ step.at, 12 };
		step.graph->inputs = ports;
		step.graph->outputs = ports + 2;
		step.graph->n_inputs = step.graph->n_outputs = 2;
		step.graph->n_features = 7;
		step.graph->n_columns_out = 16;
		step.graph->feature_names = step.graph->output_names =
			arena_calloc(step.graph->arena, 16, sizeof(char *));
		for (int i = 0; i < 16; i++)
			step.graph->output_names[i] = "c";
		step.low = 0.5f; // divisors
		step_score(two_ports_formula, op_name(op_now));
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
		return reversed
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
		reversed = o == sizeof(OPS) / sizeof(*OPS); // once more, Gelu by tanh
		op_now = reversed ? OP_GELU : OPS[o];
		const struct attr attrs[] = { FLOAT_ATTR(ATTR_ALPHA, 0.3f),
			FLOAT_ATTR(ATTR_BETA, 0.75f), FLOAT_ATTR(ATTR_GAMMA, 1.25f),
			FLOAT_ATTR(ATTR_MIN, -1.5f), FLOAT_ATTR(ATTR_MAX, 2.5f),
			INT_ATTR(ATTR_APPROXIMATE, reversed) };

		step_begin(DIMS(1, 13));
		step.low = -6.0f;
		step.high = 6.0f;
		step_emit(op_now, 1, &step.x, 6, attrs);
		step_check(activation_formula, op_name(op_now));
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

	step_begin(DIMS(2, 3, 4));
	slope = step_constant(DIMS(3, 1));
	c = step_values(slope);
	step_emit(OP_PRELU, 2, (uint32_t[]){ step.x, slope }, 0, NULL);
	step_check(prelu_formula, "PRelu");
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

		step_begin(DIMS(2, 3));
		middle = step_constant(DIMS(2, 3));
		c = step_values(middle);
		step_emit(OP_CONCAT, 3, (uint32_t[]){ step.x, middle, step.x }, 1,
			&INT_ATTR(ATTR_AXIS, axis - 2));
		step_check(concat_formula, "Concat");
	}
}

static enum dtype dtype_now;

// Round to nearest, ties to even, to `bits` of mantissa, as f16 (down to 2^-24) and bf16 hold it.
static double rounded(double v, int bits, double smallest)
{
	int exponent;
	double unit;

	frexp(v, &exponent);
	unit = fmax(ldexp(1, exponent - bits), smallest);
	return nearbyint(v / unit) * unit;
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
		step_begin(DIMS(1, 9));
		step.low = dtype_now == DTYPE_U8 ? 0.0f : -120.0f;
		step.high = 120.0f;
		if (t % 3 && dtype_now <= DTYPE_BF16) { // f16's subnormals, and its upper end
			step.low = t % 3 == 1 ? -1e-4f : 30000.0f;
			step.high = t % 3 == 1 ? 1e-4f : 65000.0f;
		}
		made = step_emit(OP_CAST, 1, &step.x, 1, &INT_ATTR(ATTR_TO, dtype_now));
		step_emit(OP_CAST, 1, &made, 1, &INT_ATTR(ATTR_TO, DTYPE_F32));
		step_check(cast_formula, dtype_name(dtype_now));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_with_broadcast_constants),
		cmocka_unit_test(ports_side_by_side),
		cmocka_unit_test(every_activation),
		cmocka_unit_test(prelu_slope_a_channel),
		cmocka_unit_test(concat_on_each_axis),
		cmocka_unit_test(casts_there_and_back),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, step_end);
}
