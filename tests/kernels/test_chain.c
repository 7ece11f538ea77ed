// SPDX-License-Identifier: BSD-3-Clause
// Chains of operators: each operator against libm in double, for every kind of operand, at lengths
// around the vectors' and the blocks'; whole chains against the scalar kernel; spread inputs.
#include "infer/kernels/elementwise/chain.h"
#include "tests/kernels/harness.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define VALUES_MAX 1200

static double chain_double(enum chain_op op, double a, double b, double c)
{
	switch (op) {
	case CHAIN_ADD:
		return a + b;
	case CHAIN_SUB:
		return a - b;
	case CHAIN_MUL:
		return a * b;
	case CHAIN_DIV:
		return a / b;
	case CHAIN_MIN:
		return isnan(a) || isnan(b) ? NAN : fmin(a, b);
	case CHAIN_MAX:
		return isnan(a) || isnan(b) ? NAN : fmax(a, b);
	case CHAIN_LESS:
		return a < b;
	case CHAIN_LESS_OR_EQUAL:
		return a <= b;
	case CHAIN_EQUAL:
		return a == b;
	case CHAIN_AND:
		return a != 0 && b != 0;
	case CHAIN_OR:
		return a != 0 || b != 0;
	case CHAIN_XOR:
		return (a != 0) ^ (b != 0);
	case CHAIN_PRELU:
		return a < 0 ? a * b : a;
	case CHAIN_AFFINE:
		return a * b + c;
	case CHAIN_PICK:
		return a != 0 ? b : c;
	case CHAIN_NOT:
		return a == 0;
	case CHAIN_TRUTH:
		return a != 0;
	case CHAIN_IS_NAN:
		return isnan(a);
	case CHAIN_NEG:
		return -a;
	case CHAIN_ABS:
		return fabs(a);
	case CHAIN_SIGN:
		return isnan(a) ? a : (a > 0) - (a < 0);
	case CHAIN_FLOOR:
		return floor(a);
	case CHAIN_CEIL:
		return ceil(a);
	case CHAIN_ROUND:
		return nearbyint(a);
	case CHAIN_RECIPROCAL:
		return 1 / a;
	case CHAIN_SQRT:
		return sqrt(a);
	case CHAIN_POW_HALF:
		return pow(a, 0.5);
	case CHAIN_EXP:
		return exp(a);
	case CHAIN_LOG:
		return log(a);
	case CHAIN_ERF:
		return erf(a);
	default:
		return tanh(a); // CHAIN_ACT, as these tests have it
	}
}

// Relative to the result itself, where that is a normal number.
static void check_value(const char *kernel, enum chain_op op, const float in[3], float got)
{
	const double want = chain_double(op, (double)in[0], (double)in[1], (double)in[2]);
	double bound = fabs(want) * 1e-6 + 4 * (double)FLT_MIN;

	if (op == CHAIN_AFFINE) // may cancel
		bound += fabs((double)in[0] * (double)in[1]) * 1e-7;
	if (isnan(want) ? !isnan(got) : got != (float)want && !(fabs((double)got - want) <= bound))
		fail_msg("%s: operator %d of %.9g, %.9g, %.9g is %.9g, should be %.9g", kernel,
			(int)op, (double)in[0], (double)in[1], (double)in[2], (double)got, want);
}

// The operator by itself, of one kind of operand each; inputs, constants and result end at a
// forbidden page.
static void check_operator(const struct chain_kernel *kernel, enum chain_op op, size_t count,
	const enum chain_from from[3], float low, float high)
{
	const uint32_t period = 96;
	struct guarded x[3], y = guarded_alloc(count * sizeof(float));
	struct guarded constants = guarded_alloc((CHAIN_PAD + period) * sizeof(float));
	float *scalar = constants.data, *column = scalar + CHAIN_PAD;
	const void *inputs[3];
	struct chain_operator operators[4] = { 0 };
	struct chain chain = { .operators = operators,
		.constants = scalar,
		.n_inputs = 3,
		.block = 64,
		.period = period };
	struct chain_operator *last;

	random_fill(scalar, CHAIN_PAD + period, low, high);
	for (uint32_t i = 1; i < CHAIN_PAD; i++)
		scalar[i] = scalar[0];
	for (uint32_t k = 0; k < 3; k++) {
		struct chain_operator *copy = &operators[chain.n_operators];

		x[k] = guarded_alloc(count * sizeof(float));
		random_fill(x[k].data, count, low, high);
		inputs[k] = x[k].data;
		if (from[k] != CHAIN_SLOT)
			continue;
		copy->op = CHAIN_ACT; // of no activation
		copy->to = k * chain.block;
		copy->in[0] = copy->in[1] = copy->in[2] =
			(struct chain_operand){ CHAIN_INPUT + k, 0 };
		chain.n_operators++;
	}
	last = &operators[chain.n_operators++];
	last->op = op;
	last->act = act_defaults(ACTIVATION_TANH);
	for (uint32_t k = 0; k < 3; k++)
		last->in[k] = (struct chain_operand){ from[k] + (from[k] == CHAIN_INPUT ? k : 0),
			from[k] == CHAIN_SLOT             ? k * chain.block
				: from[k] == CHAIN_COLUMN ? CHAIN_PAD
							  : 0 };
	kernel->run(&chain, count, inputs, y.data);
	for (size_t i = 0; i < count; i++) {
		float in[3];

		for (uint32_t k = 0; k < 3; k++)
			in[k] = from[k] == CHAIN_SCALAR   ? scalar[0]
				: from[k] == CHAIN_COLUMN ? column[i % period]
							  : ((float *)x[k].data)[i];
		check_value(kernel->name, op, in, ((float *)y.data)[i]);
	}
	for (uint32_t k = 0; k < 3; k++)
		guarded_free(&x[k]);
	guarded_free(&constants);
	guarded_free(&y);
}

static void operators_of_all_operands(void **state)
{
	static const size_t COUNTS[] = { 0, 1, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 95, 96, 97, 200,
		300 };

	skip_where_absent(state);
	for (int op = 0; op < CHAIN_SPREAD; op++) {
		for (size_t c = 0; c < sizeof(COUNTS) / sizeof(*COUNTS); c++) {
			enum chain_from from[3];

			for (uint32_t k = 0; k < 3; k++)
				from[k] = (enum chain_from)random_below(CHAIN_INPUT + 1);
			check_operator(*state, (enum chain_op)op, COUNTS[c], from, -3.0f, 3.0f);
		}
	}
}

static void operators_of_all_ranges(void **state)
{
	static const float RANGES[] = { 1e-38f, 1e-6f, 0.01f, 0.7f, 1.3f, 20.0f, 100.0f, 1e4f,
		1e18f };
	static const enum chain_from INPUTS[3] = { CHAIN_INPUT, CHAIN_INPUT, CHAIN_INPUT };

	skip_where_absent(state);
	for (int op = 0; op < CHAIN_SPREAD; op++) {
		for (size_t r = 0; r < sizeof(RANGES) / sizeof(*RANGES); r++)
			check_operator(*state, (enum chain_op)op, VALUES_MAX, INPUTS, -RANGES[r],
				RANGES[r]);
	}
}

// Zeros of both signs, infinities, NaN, ties, denormals, the largest numbers: each with each.
static void operators_of_special_values(void **state)
{
	static const float X[] = { 0.0f, -0.0f, NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e-40f,
		-1e-40f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 1.0f, -1.0f, 8388609.0f, 90.0f, -90.0f };
	enum { COUNT = sizeof(X) / sizeof(*X) };
	const struct chain_kernel *kernel = *state;
	float a[COUNT * COUNT], b[COUNT * COUNT], c[COUNT * COUNT], y[COUNT * COUNT];
	const void *inputs[] = { a, b, c };

	skip_where_absent(state);
	for (size_t i = 0; i < COUNT * COUNT; i++) {
		a[i] = X[i / COUNT];
		b[i] = X[i % COUNT];
		c[i] = X[(i + i / COUNT) % COUNT];
	}
	for (int op = 0; op < CHAIN_SPREAD; op++) {
		struct chain_operator operator= { .op = (enum chain_op)op,
			.in = { { CHAIN_INPUT, 0 }, { CHAIN_INPUT + 1, 0 },
				{ CHAIN_INPUT + 2, 0 } },
			.act = act_defaults(ACTIVATION_TANH) };
		const struct chain chain = {
			.operators = &operator, .n_operators = 1, .n_inputs = 3, .block = 64
		};

		kernel->run(&chain, COUNT * COUNT, inputs, y);
		for (size_t i = 0; i < COUNT * COUNT; i++)
			check_value(kernel->name, (enum chain_op)op, (float[]){ a[i], b[i], c[i] },
				y[i]);
	}
}

// Chains of operators that every variant computes to the same bits.
static void chains_are_the_scalar_ones(void **state)
{
	static const enum chain_op EXACT[] = { CHAIN_ADD, CHAIN_SUB, CHAIN_MUL, CHAIN_MIN,
		CHAIN_MAX, CHAIN_LESS, CHAIN_EQUAL, CHAIN_XOR, CHAIN_PRELU, CHAIN_AFFINE,
		CHAIN_PICK, CHAIN_ABS, CHAIN_NEG, CHAIN_ROUND };
	enum { OPERATORS = 30, SLOTS = 7, BLOCK = 16, PERIOD = 40 };
	const struct chain_kernel *kernel = *state;
	float columns[PERIOD + CHAIN_PAD], x[2][VALUES_MAX], got[VALUES_MAX], want[VALUES_MAX];
	const void *inputs[] = { x[0], x[1] };
	struct chain_operator operators[OPERATORS];
	const struct chain chain = { .operators = operators,
		.constants = columns,
		.n_operators = OPERATORS,
		.n_inputs = 2,
		.block = BLOCK,
		.period = PERIOD };

	skip_where_absent(state);
	random_fill(columns, PERIOD + CHAIN_PAD, -1.0f, 1.0f);
	random_fill(x[0], VALUES_MAX, -1.0f, 1.0f);
	random_fill(x[1], VALUES_MAX, -1.0f, 1.0f);
	for (int round = 0; round < 300; round++) {
		const size_t count = random_below(VALUES_MAX + 1);

		for (uint32_t o = 0; o < OPERATORS; o++) {
			operators[o] = (struct chain_operator){
				.op = EXACT[random_below(sizeof(EXACT) / sizeof(*EXACT))],
				.to = BLOCK * (o < SLOTS ? o : random_below(SLOTS)),
			};
			for (uint32_t k = 0; k < 3; k++)
				operators[o].in[k] = random_below(3) > 0 && o > 0
					? (struct chain_operand){ CHAIN_SLOT,
						  BLOCK * random_below(o < SLOTS ? o : SLOTS) }
					: (struct chain_operand){ CHAIN_COLUMN + random_below(3),
						  0 };
		}
		kernel->run(&chain, count, inputs, got);
		f32_chain__scalar(&chain, count, inputs, want);
		for (size_t i = 0; i < count; i++)
			if (got[i] != want[i] && !(isnan(got[i]) && isnan(want[i])))
				fail_msg("%s: value %zu of %zu is %.9g, should be %.9g",
					kernel->name, i, count, (double)got[i], (double)want[i]);
	}
}

// [rows][2][3][4] of [rows][2][1][4] and of the truths [rows][3][1], then their sum.
static void inputs_are_spread(void **state)
{
	const struct chain_kernel *kernel = *state;
	const struct chain_spread spreads[2] = {
		{ .rank = 3,
			.dims = { 2, 3, 4 },
			.strides = { 4, 0, 1 },
			.row_values = 24,
			.row_step = 8 },
		{ .input = 1,
			.bytes = true,
			.rank = 3,
			.dims = { 2, 3, 4 },
			.strides = { 0, 1, 0 },
			.row_values = 24,
			.row_step = 3 },
	};
	const struct chain_operator operators[3] = {
		{ .op = CHAIN_SPREAD, .to = 0, .spread = 0 },
		{ .op = CHAIN_SPREAD, .to = 16, .spread = 1 },
		{ .op = CHAIN_ADD, .in = { { CHAIN_SLOT, 0 }, { CHAIN_SLOT, 16 } } },
	};
	const struct chain chain = { .operators = operators,
		.spreads = spreads,
		.n_operators = 3,
		.n_inputs = 2,
		.block = 16 };
	struct guarded x = guarded_alloc(5 * 8 * sizeof(float)), truths = guarded_alloc(5 * 3);
	struct guarded y = guarded_alloc(5 * 24 * sizeof(float));
	const void *inputs[] = { x.data, truths.data };

	skip_where_absent(state);
	random_fill(x.data, 5 * 8, -1.0f, 1.0f);
	for (uint32_t i = 0; i < 15; i++)
		((uint8_t *)truths.data)[i] = (uint8_t)random_below(2);
	kernel->run(&chain, 5 * 24, inputs, y.data);
	for (uint32_t i = 0; i < 5 * 24; i++) {
		const uint32_t row = i / 24, d0 = i / 12 % 2, d1 = i / 4 % 3, d2 = i % 4;
		const float want = ((float *)x.data)[row * 8 + d0 * 4 + d2] +
			(float)((uint8_t *)truths.data)[row * 3 + d1];

		assert_true(((float *)y.data)[i] == want);
	}
	guarded_free(&x);
	guarded_free(&truths);
	guarded_free(&y);
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("operators_of_all_operands", CHAIN, operators_of_all_operands);
	failures += KERNELS_RUN("operators_of_all_ranges", CHAIN, operators_of_all_ranges);
	failures += KERNELS_RUN("operators_of_special_values", CHAIN, operators_of_special_values);
	failures += KERNELS_RUN("chains_are_the_scalar_ones", CHAIN, chains_are_the_scalar_ones);
	return failures + KERNELS_RUN("inputs_are_spread", CHAIN, inputs_are_spread);
}
