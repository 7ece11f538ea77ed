// SPDX-License-Identifier: BSD-3-Clause
// Activations of arrays against libm in double: ranges, special values, lengths, in place.
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"
#include "tests/kernels/harness.h"

#include <float.h>
#include <math.h>

// Largest error allowed relative to the result itself, where that is a normal number.
#define RELATIVE 2e-6

static struct act act_of(int kind)
{
	struct act act = act_defaults((enum activation)kind);

	if (kind == ACTIVATION_CLIP)
		act.alpha = -0.5f, act.beta = 0.75f;
	return act;
}

static void check_values(const struct activate_kernel *kernel, const struct act *act,
	const float *x, const float *y, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double expected = activation_double(act, x[i]), bound;

		// Far left GeluTanh's exponent is large and its rounding shows; HardSigmoid
		// cancels.
		bound = fabs(expected) * (act->kind == ACTIVATION_GELU_TANH ? 3e-5 : RELATIVE) +
			4 * FLT_MIN;
		if (act->kind == ACTIVATION_HARD_SIGMOID)
			bound += 1e-6;
		if (isnan(expected) ? !isnan(y[i])
				    : y[i] != (float)expected && !(fabs(y[i] - expected) <= bound))
			fail_msg("%s %s(%.9g) is %.9g, expected %.9g", kernel->name,
				activation_name(act->kind), x[i], y[i], expected);
	}
}

static void activate_ranges(void **state)
{
	static const float RANGES[] = { 1e-38f, 1e-6f, 0.01f, 1.0f, 5.0f, 20.0f, 100.0f, 1e4f,
		1e30f };
	const struct activate_kernel *kernel = *state;
	float x[4096], y[4096];

	skip_where_absent(state);
	for (int kind = 0; kind < ACTIVATION_COUNT; kind++) {
		struct act act = act_of(kind);

		for (size_t r = 0; r < sizeof(RANGES) / sizeof(*RANGES); r++) {
			random_fill(x, 4096, -RANGES[r], RANGES[r]);
			kernel->run(&act, 4096, x, y);
			check_values(kernel, &act, x, y, 4096);
		}
	}
}

// Infinities where the formula is defined there, NaN, zeros, denormals, the largest numbers.
static void activate_special_values(void **state)
{
	static const float X[] = { 0.0f, -0.0f, NAN, INFINITY, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN,
		1e-40f, -1e-40f, 1e-45f, 87.3f, 88.7f, 88.8f, -87.3f, -88.7f, -103.0f, -104.0f,
		-150.0f, -INFINITY };
	const size_t count = sizeof(X) / sizeof(*X);
	const struct activate_kernel *kernel = *state;
	float y[sizeof(X) / sizeof(*X)];

	skip_where_absent(state);
	for (int kind = 0; kind < ACTIVATION_COUNT; kind++) {
		struct act act = act_of(kind);

		kernel->run(&act, count, X, y);
		for (size_t i = 0; i < count; i++) {
			// f32 overflows here where double does not, or the formula is 0 times inf.
			if (kind >= ACTIVATION_SOFTSIGN && fabsf(X[i]) > 1e30f)
				continue;
			check_values(kernel, &act, &X[i], &y[i], 1);
		}
	}
}

static void activate_lengths(void **state)
{
	const struct activate_kernel *kernel = *state;
	const struct act act = act_defaults(ACTIVATION_TANH);

	skip_where_absent(state);
	for (uint32_t count = 0; count <= 70; count++) {
		struct guarded x = guarded_alloc(count * sizeof(float));
		struct guarded y = guarded_alloc(count * sizeof(float));

		random_fill(x.data, count, -3.0f, 3.0f);
		kernel->run(&act, count, x.data, y.data);
		check_values(kernel, &act, x.data, y.data, count);
		guarded_free(&y);
		y = guarded_alloc(count * sizeof(float));
		for (uint32_t i = 0; i < count; i++)
			((float *)y.data)[i] = ((float *)x.data)[i];
		kernel->run(&act, count, y.data, y.data);
		check_values(kernel, &act, x.data, y.data, count);
		guarded_free(&x);
		guarded_free(&y);
	}
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("activate_ranges", ACTIVATE, activate_ranges);
	failures += KERNELS_RUN("activate_special_values", ACTIVATE, activate_special_values);
	return failures + KERNELS_RUN("activate_lengths", ACTIVATE, activate_lengths);
}
