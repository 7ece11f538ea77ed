// SPDX-License-Identifier: BSD-3-Clause
// Quantising, dynamically or not, and back, and looking bytes up: every kernel against the scalar one
// bit by bit, on any scales, forbidden pages right behind x and y; the scalar ones against the definition.
#include "infer/kernels/quantise/lookup.h"
#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <string.h>

#define VALUES_MAX 200

static uint32_t bits(float value)
{
	uint32_t result;

	memcpy(&result, &value, sizeof(result));
	return result;
}

static float any_scale(uint32_t i)
{
	static const float HOSTILE[] = { 0.0f, -0.01f, NAN, INFINITY, -INFINITY, 1e-42f, 3e38f };

	return i % 3 ? random_float(1e-5f, 1e-2f) : HOSTILE[random_below(7)];
}

static void quantise_same_bits(void **state)
{
	const struct quantise_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 2000; trial++) {
		const size_t count = random_below(200);
		struct guarded x = guarded_alloc(count * sizeof(float)), y = guarded_alloc(count);
		struct quantise q = { .scale = any_scale(trial), .is_signed = trial & 1 };
		float *values = x.data;
		uint8_t expected[200];

		q.zero = (int32_t)random_below(256) - (q.is_signed ? 128 : 0);
		random_fill(values, count, -2.0f, 2.0f);
		for (size_t i = 0; i < count; i += 3) // ties, or next to one
			values[i] = ((float)random_below(600) - 300.5f) * q.scale;
		for (size_t i = 1; i < count; i += 7)
			values[i] = any_scale(0);
		QUANTISE_KERNELS[0].run(&q, count, values, expected);
		kernel->run(&q, count, values, y.data);
		for (size_t i = 0; i < count; i++) {
			if (((uint8_t *)y.data)[i] != expected[i])
				fail_msg("%s: %a / %a + %d is %u, should be %u", kernel->name,
					(double)values[i], (double)q.scale, q.zero,
					((uint8_t *)y.data)[i], expected[i]);
		}
		guarded_free(&x);
		guarded_free(&y);
	}
}

static void dequantise_same_bits(void **state)
{
	const struct dequantise_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 500; trial++) {
		const size_t count = random_below(VALUES_MAX);
		struct guarded x = guarded_alloc(count), y = guarded_alloc(count * sizeof(float));
		struct quantise q = { .scale = any_scale(trial), .is_signed = trial & 1 };
		float expected[VALUES_MAX];

		q.zero = (int32_t)random_below(256) - (q.is_signed ? 128 : 0);
		for (size_t i = 0; i < count; i++)
			((uint8_t *)x.data)[i] = (uint8_t)random_below(256);
		DEQUANTISE_KERNELS[0].run(&q, count, x.data, expected);
		kernel->run(&q, count, x.data, y.data);
		for (size_t i = 0; i < count; i++) {
			const float got = ((float *)y.data)[i];

			if (bits(got) != bits(expected[i]) && !(isnan(got) && isnan(expected[i])))
				fail_msg("%s: value %zu by %a%+d is %a, should be %a", kernel->name,
					i, (double)q.scale, q.zero, (double)got,
					(double)expected[i]);
		}
		guarded_free(&x);
		guarded_free(&y);
	}
}

// A row that is ordinary, of one sign, all zeros, tiny, huge, or has what is not finite.
static void fill_row(float *values, uint32_t k)
{
	static const float SIZE[] = { 1.0f, 0.0f, 1e-38f, 1e-44f, 1e38f, 3e38f };
	const uint32_t kind = random_below(10);
	const float size = kind < 6 ? SIZE[kind] : random_float(0.01f, 100.0f);
	const float low = random_below(3) ? -size : 0;

	random_fill(values, k, low, random_below(4) ? size : 0);
	for (uint32_t i = 0; i < k && kind == 9; i += 1 + random_below(7))
		values[i] = any_scale(0);
}

static void dynamic_quantise_same_bits(void **state)
{
	const struct dynamic_quantise_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 2000; trial++) {
		const uint32_t m = random_below(5), k = 1 + random_below(VALUES_MAX);
		struct guarded x = guarded_alloc(m * k * sizeof(float));
		struct guarded y = guarded_alloc((size_t)m * k), zero = guarded_alloc(m);
		struct guarded scale = guarded_alloc(m * sizeof(float));
		uint8_t bytes[5 * VALUES_MAX], zeros[5];
		float scales[5];

		for (uint32_t row = 0; row < m; row++)
			fill_row((float *)x.data + (size_t)row * k, k);
		DYNAMIC_QUANTISE_KERNELS[0].run(m, k, x.data, bytes, scales, zeros);
		kernel->run(m, k, x.data, y.data, scale.data, zero.data);
		for (uint32_t row = 0; row < m; row++) {
			if (bits(((float *)scale.data)[row]) != bits(scales[row]) ||
				((uint8_t *)zero.data)[row] != zeros[row] ||
				memcmp((uint8_t *)y.data + row * k, bytes + row * k, k))
				fail_msg("%s: %u values by %a%+d differ from those by %a%+d",
					kernel->name, k, (double)((float *)scale.data)[row],
					((uint8_t *)zero.data)[row], (double)scales[row],
					zeros[row]);
		}
		guarded_free(&x);
		guarded_free(&y);
		guarded_free(&zero);
		guarded_free(&scale);
	}
}

// Any table, any bytes, in place in every third trial; the scalar one is the definition itself.
static void lookup_same_bytes(void **state)
{
	const struct lookup_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 1000; trial++) {
		const size_t count = random_below(VALUES_MAX);
		struct guarded table = guarded_alloc(LOOKUP_VALUES), x = guarded_alloc(count),
			       y = guarded_alloc(count);
		uint8_t *values = table.data, *from = x.data, *to = trial % 3 ? y.data : from;
		uint8_t expected[VALUES_MAX];

		for (uint32_t i = 0; i < LOOKUP_VALUES; i++)
			values[i] = (uint8_t)random_below(256);
		for (size_t i = 0; i < count; i++) {
			from[i] = (uint8_t)(trial < 2 ? i + trial * 100 : random_below(256));
			expected[i] = values[from[i]];
		}
		kernel->run(values, count, from, to);
		for (size_t i = 0; i < count; i++) {
			if (to[i] != expected[i])
				fail_msg("%s: value %zu of %zu is %u, should be %u", kernel->name,
					i, count, to[i], expected[i]);
		}
		guarded_free(&table);
		guarded_free(&x);
		guarded_free(&y);
	}
}

// Operators.md: scale = (max(x, 0) - min(x, 0)) / 255, zero = saturate(round(-min / scale)).
static void dynamic_quantise_scalar_is_the_formula(void **state)
{
	(void)state;
	for (uint32_t trial = 0; trial < 200; trial++) {
		float x[40], scale, low = 0, high = 0;
		uint8_t y[40], zero;

		random_fill(x, 40, trial % 3 ? -3.0f : 0.5f, trial % 5 ? 7.0f : -0.5f);
		for (uint32_t i = 0; i < 40; i++) {
			low = fminf(low, x[i]);
			high = fmaxf(high, x[i]);
		}
		DYNAMIC_QUANTISE_KERNELS[0].run(1, 40, x, y, &scale, &zero);
		assert_true(scale == (high - low) / 255.0f);
		assert_int_equal(zero, (int)nearbyintf(-low / scale));
		for (uint32_t i = 0; i < 40; i++)
			assert_int_equal(y[i],
				(int)fmin(255, fmax(0, (double)nearbyintf(x[i] / scale) + zero)));
	}
}

static void dynamic_quantise_of_nothing(void **state)
{
	const float nothing[] = { 0, NAN, -0.0f, NAN };
	uint8_t y[4] = { 9, 9, 9, 9 }, zero = 9;
	float scale = 9;

	(void)state;
	DYNAMIC_QUANTISE_KERNELS[0].run(1, 4, nothing, y, &scale, &zero);
	assert_true(scale == 1.0f);
	assert_int_equal(zero, 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(y[i], 0);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(dynamic_quantise_scalar_is_the_formula),
		cmocka_unit_test(dynamic_quantise_of_nothing),
	};
	int failures;

	random_init();
	failures = KERNELS_RUN("quantise_same_bits", QUANTISE, quantise_same_bits);
	failures += KERNELS_RUN("dequantise_same_bits", DEQUANTISE, dequantise_same_bits);
	failures += KERNELS_RUN(
		"dynamic_quantise_same_bits", DYNAMIC_QUANTISE, dynamic_quantise_same_bits);
	failures += KERNELS_RUN("lookup_same_bytes", LOOKUP, lookup_same_bytes);
	return failures + cmocka_run_group_tests(others, NULL, NULL);
}
