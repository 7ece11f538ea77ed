// SPDX-License-Identifier: BSD-3-Clause
// Largest errors of the vector functions against libm in double, in units of the last place of the
// f32 result: every MARTLET_TEST_STRIDE-th float of a range by its bits (1: all of them, minutes),
// and the values at which functions saturate, overflow or are not defined. Nothing is random.
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "tests/kernels/harness.h"
#include "tests/kernels/math_probe.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRIDE 1021 // prime, so that all low bits occur

struct range {
	enum math_function function;
	const char *name;
	float low, high;
	double ulps; // at most: what vec_math.h says
	double (*exact)(double x);
};

struct probe {
	const char *name;
	unsigned isa;
	void (*run)(enum math_function function, size_t count, const float *x, float *y);
};
static const struct probe PROBES[] = { X86(
	{ "avx2", ISA_AVX2, math_probe__avx2 }, { "avx512", ISA_AVX512, math_probe__avx512 }, )
		ARM({ "neon", ISA_NEON, math_probe__neon }, ) };

static double by_activation(enum activation kind, double x)
{
	const struct act act = act_defaults(kind);

	return activation_double(&act, x);
}

static double exact_sigmoid(double x)
{
	return by_activation(ACTIVATION_SIGMOID, x);
}

static double exact_softplus(double x)
{
	return by_activation(ACTIVATION_SOFTPLUS, x);
}

static double exact_gelu(double x)
{
	return by_activation(ACTIVATION_GELU, x);
}

static double exact_gelu_tanh(double x)
{
	return by_activation(ACTIVATION_GELU_TANH, x);
}

static const struct range RANGES[] = {
	{ MATH_exp, "exp", -INFINITY, INFINITY, 1.0, exp },
	{ MATH_exp_flushed, "exp_flushed", -87.0f, 0.0f, 1.01, exp },
	{ MATH_expm1, "expm1", -INFINITY, INFINITY, 1.43, expm1 },
	{ MATH_log, "log", 0.0f, INFINITY, 1.97, log },
	{ MATH_log1p_unit, "log1p", 0.0f, 1.0f, 1.97, log1p },
	{ MATH_sigmoid, "sigmoid", -INFINITY, INFINITY, 2.41, exact_sigmoid },
	{ MATH_tanh, "tanh", -INFINITY, INFINITY, 2.5, tanh },
	{ MATH_softplus, "softplus", -INFINITY, INFINITY, 2.8, exact_softplus },
	{ MATH_erf, "erf", -INFINITY, INFINITY, 1.5, erf },
	{ MATH_gelu, "gelu", -INFINITY, INFINITY, 6.91, exact_gelu },
	{ MATH_gelu_tanh, "gelu_tanh from -4 on", -4.0f, INFINITY, 23.6, exact_gelu_tanh },
	{ MATH_gelu_tanh, "gelu_tanh", -FLT_MAX, INFINITY, 204.0, exact_gelu_tanh },
};

// Distance of got from the exact value; 1e9 where one is a number and the other is not.
static double ulps(float got, double exact)
{
	const double limit =
		0x1p128; // what infinity stands for: the next number, if there were one
	double value = got, magnitude = fabs(exact), ulp;

	if (isnan(exact) || isnan(value))
		return isnan(exact) && isnan(value) ? 0.0 : 1e9;
	value = fmax(-limit, fmin(limit, value));
	exact = fmax(-limit, fmin(limit, exact));
	ulp = magnitude < FLT_MIN ? 0x1p-149 : ldexp(1.0, ilogb(fmin(magnitude, FLT_MAX)) - 23);
	return fabs(value - exact) / ulp;
}

static float from_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

struct worst {
	double ulps;
	float at, got;
};

static void measure(const struct probe *probe, const struct range *range, const float *x,
	size_t count, struct worst *worst)
{
	float y[1024];

	probe->run(range->function, count, x, y);
	for (size_t i = 0; i < count; i++) {
		double error = ulps(y[i], range->exact(x[i]));

		if (error > worst->ulps)
			*worst = (struct worst){ error, x[i], y[i] };
	}
}

static void judge(const struct probe *probe, const struct range *range, const struct worst *worst)
{
	if (worst->ulps > range->ulps)
		fail_msg("%s %s(%.9g) is %.9g, expected %.9g: %.3f ulp off, at most %.2f wanted",
			probe->name, range->name, worst->at, worst->got, range->exact(worst->at),
			worst->ulps, range->ulps);
}

static void every_function_stays_within_its_ulps(void **state)
{
	const struct probe *probe = *state;
	const char *given = getenv("MARTLET_TEST_STRIDE");
	uint32_t stride = given ? (uint32_t)strtoul(given, NULL, 0) : STRIDE;

	skip_where_absent(state);
	stride = stride ? stride : 1;
	for (size_t r = 0; r < sizeof(RANGES) / sizeof(*RANGES); r++) {
		const struct range *range = &RANGES[r];
		struct worst worst = { 0 };
		float x[1024];
		size_t count = 0;

		for (uint64_t bits = 0; bits <= UINT32_MAX; bits += stride) {
			x[count] = from_bits((uint32_t)bits);
			count += x[count] >= range->low && x[count] <= range->high;
			if (count == 1024) {
				measure(probe, range, x, count, &worst);
				count = 0;
			}
		}
		measure(probe, range, x, count, &worst);
		printf("# %s %s: at most %.3f ulp, at %.9g\n", range->name, probe->name, worst.ulps,
			worst.at);
		judge(probe, range, &worst);
	}
}

// What has a limit or none: NaN where libm says NaN, infinities where it says so.
static void edges_are_as_libm_has_them(void **state)
{
	static const float EDGES[] = { 0.0f, -0.0f, NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX,
		FLT_MIN, -FLT_MIN, 0x1p-149f, -0x1p-149f, 0x1.fffffcp-127f, -0x1.fffffcp-127f, 1.0f,
		-1.0f, 0.75f, 1.5f, 0x1.7fffp127f, 0x1.800002p127f, 2.55e38f, 88.72283f, 88.72284f,
		-87.0f, -87.33654f, -87.33655f, -103.27892f, -103.97207f, -103.97208f, -104.0f,
		9.01f, -9.01f, 9.02f, -9.02f, 16.6f, -16.6f, 17.4f, -17.4f, 10.0f, -10.0f, 0.3f,
		-0.3f, 1e-30f, -1e-30f, -13.0f, -13.2f, -14.1f, -14.2f, -15.0f, 15.0f };
	const struct probe *probe = *state;

	skip_where_absent(state);
	for (size_t r = 0; r < sizeof(RANGES) / sizeof(*RANGES); r++) {
		const struct range *range = &RANGES[r];

		for (size_t e = 0; e < sizeof(EDGES) / sizeof(*EDGES); e++) {
			struct worst worst = { 0 };
			bool below =
				range->function == MATH_log || range->function == MATH_exp_flushed;

			// Beyond the range log is NaN, exp_flushed 0; log1p_unit is not asked.
			if (!isnan(EDGES[e]) &&
				!(EDGES[e] >= range->low && EDGES[e] <= range->high) &&
				!(below && EDGES[e] < range->low))
				continue;
			measure(probe, range, &EDGES[e], 1, &worst);
			if (range->function == MATH_exp_flushed && EDGES[e] < range->low)
				assert_true(worst.got == 0.0f);
			else
				judge(probe, range, &worst);
		}
	}
}

int main(void)
{
	static const struct kernel_table table = { PROBES, sizeof(*PROBES),
		sizeof(PROBES) / sizeof(*PROBES) };
	int failures = kernels_run("math_edges", &table, edges_are_as_libm_has_them);

	return failures + kernels_run("math_ulps", &table, every_function_stays_within_its_ulps);
}
