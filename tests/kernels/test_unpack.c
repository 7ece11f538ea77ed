// SPDX-License-Identifier: BSD-3-Clause
// Wire rows to f32: every dtype at odd alignments and lengths, against the definition of the
// format; one value that is not finite, anywhere, is found.
#include "infer/kernels/elementwise/unpack.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <string.h>

static const size_t BYTES[ROW_DTYPE_COUNT] = { 4, 2, 2, 1, 1 };

// IEEE 754: 1 sign, `exponent_bits`, `fraction_bits`.
static double decode(uint32_t bits, int exponent_bits, int fraction_bits)
{
	int exponent = (int)(bits >> fraction_bits & ((1u << exponent_bits) - 1));
	double fraction = ldexp(bits & ((1u << fraction_bits) - 1), -fraction_bits);
	double sign = bits >> (exponent_bits + fraction_bits) ? -1.0 : 1.0;
	int bias = (1 << (exponent_bits - 1)) - 1;

	if (exponent == (1 << exponent_bits) - 1)
		return fraction != 0.0 ? NAN : sign * INFINITY;
	return sign *
		(exponent ? ldexp(1.0 + fraction, exponent - bias) : ldexp(fraction, 1 - bias));
}

static double expected_value(
	const struct unpack *unpack, enum row_dtype dtype, const uint8_t *src, size_t i)
{
	uint32_t bits = 0;
	uint32_t c = (uint32_t)(i % unpack->columns);

	memcpy(&bits, src + i * BYTES[dtype], BYTES[dtype]);
	switch (dtype) {
	case ROW_DTYPE_F32:
		return decode(bits, 8, 23);
	case ROW_DTYPE_F16:
		return decode(bits, 5, 10);
	case ROW_DTYPE_BF16:
		return decode(bits, 8, 7);
	case ROW_DTYPE_I8:
		return ((double)(int8_t)bits - unpack->zero[c]) * unpack->scale[c];
	default:
		return ((double)bits - unpack->zero[c]) * unpack->scale[c];
	}
}

static void check(const struct unpack_kernel *kernel, enum row_dtype dtype, uint32_t m, uint32_t n)
{
	struct guarded src = guarded_alloc((size_t)m * n * BYTES[dtype]);
	struct guarded dst = guarded_alloc((size_t)m * n * sizeof(float));
	struct guarded scale = guarded_alloc(n * sizeof(float));
	struct guarded zero = guarded_alloc(n * sizeof(float));
	struct unpack unpack = { scale.data, zero.data, n };
	bool finite = true, got;

	for (size_t i = 0; i < src.bytes; i++)
		((uint8_t *)src.data)[i] = (uint8_t)random_below(256);
	random_fill(scale.data, n, 0.01f, 1.0f);
	random_fill(zero.data, n, -20.0f, 20.0f);
	got = kernel->run(&unpack, dtype, m, src.data, dst.data);
	for (size_t i = 0; i < (size_t)m * n; i++) {
		double expected = expected_value(&unpack, dtype, src.data, i);

		assert_near(((float *)dst.data)[i], expected, 1e-6, kernel->name, i);
		finite = finite && isfinite(expected);
	}
	assert_int_equal(got, finite);
	guarded_free(&src);
	guarded_free(&dst);
	guarded_free(&scale);
	guarded_free(&zero);
}

static void unpack_lengths(void **state)
{
	skip_where_absent(state);
	for (int dtype = 0; dtype < ROW_DTYPE_COUNT; dtype++)
		for (uint32_t m = 0; m <= 4; m++)
			for (uint32_t n = 1; n <= 50; n++)
				check(*state, (enum row_dtype)dtype, m, n);
}

static void unpack_finds_not_finite(void **state)
{
	static const float BAD[] = { NAN, INFINITY, -INFINITY };
	const struct unpack_kernel *kernel = *state;
	float src[45], dst[45];

	skip_where_absent(state);
	for (uint32_t at = 0; at < 45; at++) {
		random_fill(src, 45, -1e38f, 1e38f);
		assert_true(
			kernel->run(&(struct unpack){ .columns = 15 }, ROW_DTYPE_F32, 3, src, dst));
		assert_memory_equal(src, dst, sizeof(src));
		src[at] = BAD[at % 3];
		assert_false(
			kernel->run(&(struct unpack){ .columns = 15 }, ROW_DTYPE_F32, 3, src, dst));
	}
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("unpack_lengths", UNPACK, unpack_lengths);
	return failures + KERNELS_RUN("unpack_finds_not_finite", UNPACK, unpack_finds_not_finite);
}
