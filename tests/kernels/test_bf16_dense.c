// SPDX-License-Identifier: BSD-3-Clause
// bfloat16 dense kernels: the rounding by its definition, the scalar kernel against the formula in
// double, every other one against the scalar one, all but AMX bit by bit, forbidden pages right
// behind all.
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/bf16_dense.h"
#include "infer/kernels/product/dense.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdlib.h>

struct bf16_dense_problem {
	struct dense dense;
	uint32_t m;
	float *w, *b;
	struct guarded x, y, packed, scratch;
};

static size_t whole(size_t bytes)
{
	return (bytes + KERNEL_ALIGN - 1) & ~(size_t)(KERNEL_ALIGN - 1);
}

static struct bf16_dense_problem make(uint32_t m, uint32_t k, uint32_t n, enum activation kind)
{
	struct bf16_dense_problem p = { .m = m,
		.dense = { .k = k, .n = n, .act = act_defaults(kind) },
		.w = calloc((size_t)k * n, sizeof(float)),
		.b = calloc(n, sizeof(float)),
		.x = guarded_alloc((size_t)m * k * sizeof(float)),
		.y = guarded_alloc((size_t)m * n * sizeof(float)),
		.packed = guarded_alloc(whole(bf16_dense_packed_bytes(k, n))),
		.scratch = guarded_alloc(whole(m * bf16_dense_scratch_bytes(k))) };

	assert_true(p.w && p.b);
	random_fill(p.w, (size_t)k * n, -1.0f, 1.0f);
	random_fill(p.b, n, -1.0f, 1.0f);
	random_fill(p.x.data, (size_t)m * k, -2.0f, 2.0f);
	bf16_dense_pack(p.packed.data, p.w, random_below(4) ? p.b : NULL, k, n);
	p.dense.packed = p.packed.data;
	return p;
}

static void forget(struct bf16_dense_problem *p)
{
	guarded_free(&p->x);
	guarded_free(&p->y);
	guarded_free(&p->packed);
	guarded_free(&p->scratch);
	free(p->w);
	free(p->b);
}

// Before the activation the bits are the same, but for AMX; after it as near as the activations
// themselves are.
static void check(const struct bf16_dense_kernel *kernel, uint32_t m, uint32_t k, uint32_t n,
	enum activation kind)
{
	struct bf16_dense_problem p = make(m, k, n, kind);
	float *expected = calloc((size_t)m * n + 1, sizeof(float));

	assert_non_null(expected);
	BF16_DENSE_KERNELS[0].run(&p.dense, m, p.x.data, expected, p.scratch.data);
	kernel->run(&p.dense, m, p.x.data, p.y.data, p.scratch.data);
	for (size_t i = 0; i < (size_t)m * n; i++) {
		const float got = ((float *)p.y.data)[i];

		if (kernel->isa & ISA_AMX_BF16)
			assert_near((double)got, (double)expected[i], 1e-5, kernel->name, i);
		else if (kind != ACTIVATION_NONE && kind != ACTIVATION_RELU)
			assert_near((double)got, (double)expected[i], 2e-6, kernel->name, i);
		else if (got != expected[i])
			fail_msg("%s m=%u k=%u n=%u: value %zu is %a, should be %a", kernel->name,
				m, k, n, i, (double)got, (double)expected[i]);
	}
	free(expected);
	forget(&p);
}

static void same_bits(void **state)
{
	static const uint32_t M[] = { 0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 25 };
	static const uint32_t K[] = { 1, 2, 3, 4, 5, 8, 15, 41 };
	static const uint32_t N[] = { 1, 5, 8, 15, 16, 17, 31, 32, 33, 48, 64, 65, 96, 128, 129,
		200 };

	skip_where_absent(state);
	for (size_t m = 0; m < sizeof(M) / sizeof(*M); m++)
		for (size_t k = 0; k < sizeof(K) / sizeof(*K); k++)
			for (size_t n = 0; n < sizeof(N) / sizeof(*N); n++)
				check(*state, M[m], K[k], N[n],
					(m + k + n) % 4 ? ACTIVATION_NONE : ACTIVATION_RELU);
	for (int i = 0; i < 40; i++)
		check(*state, 1 + random_below(70), 1 + random_below(300), 1 + random_below(300),
			(enum activation)random_below(ACTIVATION_COUNT));
}

static const float HOSTILE[] = { 0.0f, -0.0f, NAN, INFINITY, -INFINITY, 1e-42f, -0x1.fffffep-127f,
	0x1p-126f, 0x1.fep127f, 0x1.ffp127f, 0x1.fffffep127f, 1.00390625f, 1.01171875f, 1.0e-20f };
#define HOSTILE_COUNT ((uint32_t)(sizeof(HOSTILE) / sizeof(*HOSTILE)))

// One input times 1: what the kernel makes of it is what it rounds it to.
static void rounds_alike(void **state)
{
	const struct bf16_dense_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 20; trial++) {
		struct bf16_dense_problem p = make(97, 1, 1, ACTIVATION_NONE);
		float *x = p.x.data, *y = p.y.data, one = 1.0f;

		bf16_dense_pack(p.packed.data, &one, NULL, 1, 1);
		for (uint32_t i = 0; i < p.m; i++) {
			uint32_t bits = random_below(UINT32_MAX);

			memcpy(&x[i], &bits, sizeof(bits));
			x[i] = i < HOSTILE_COUNT ? HOSTILE[i] : x[i];
		}
		kernel->run(&p.dense, p.m, x, y, p.scratch.data);
		for (uint32_t i = 0; i < p.m; i++) {
			const float rounded = bf16_to(bf16_of(x[i]));

			if (isnan(rounded) ? !isnan(y[i]) : y[i] != rounded)
				fail_msg("%s: %a became %a, should be %a", kernel->name,
					(double)x[i], (double)y[i], (double)rounded);
		}
		forget(&p);
	}
}

// A NaN or an infinity spoils its own row and no other.
static void not_finite(void **state)
{
	const struct bf16_dense_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 40; trial++) {
		struct bf16_dense_problem p = make(7, 1 + random_below(40), 1 + random_below(70),
			trial % 2 ? ACTIVATION_NONE : ACTIVATION_RELU);
		const uint32_t spoilt = random_below(p.m), n = p.dense.n;
		float *x = p.x.data, *y = p.y.data;

		x[spoilt * p.dense.k + random_below(p.dense.k)] = NAN;
		kernel->run(&p.dense, p.m, x, y, p.scratch.data);
		for (uint32_t i = 0; i < p.m * n; i++)
			assert_int_equal(isnan(y[i]) != 0, i / n == spoilt);
		forget(&p);
	}
}

// The nearest of the bfloat16 values, of two as near the one whose last bit is 0.
static void rounding_is_to_nearest_even(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		const float value = random_float(-100.0f, 100.0f) * (i % 2 ? 1.0f : 0x1p-120f);
		const uint16_t got = bf16_of(value);
		const double apart = fabs((double)bf16_to(got) - (double)value);
		const double below = fabs((double)bf16_to((uint16_t)(got - 1)) - (double)value);
		const double above = fabs((double)bf16_to((uint16_t)(got + 1)) - (double)value);

		if (fabsf(value) < 0x1p-126f) {
			assert_true(bf16_to(got) == 0.0f);
			continue;
		}
		assert_true(apart <= below && apart <= above);
		assert_true((apart != below && apart != above) || got % 2 == 0);
	}
	assert_true(bf16_to(bf16_of(1.00390625f)) == 1.0f); // halfway, down to even
	assert_true(bf16_to(bf16_of(1.01171875f)) == 1.015625f);
	assert_true(isinf(bf16_to(bf16_of(0x1.ffp127f))));
	assert_true(isnan(bf16_to(bf16_of(NAN))));
}

// From the matrices as they were before they were packed, in double.
static void scalar_is_the_formula(void **state)
{
	(void)state;
	for (uint32_t trial = 0; trial < 60; trial++) {
		struct bf16_dense_problem p = make(3, 1 + random_below(50), 1 + random_below(40),
			trial % 2 ? ACTIVATION_NONE : ACTIVATION_TANH);
		const uint32_t k = p.dense.k, n = p.dense.n;
		const float *x = p.x.data, *y = p.y.data;

		bf16_dense_pack(p.packed.data, p.w, p.b, k, n);
		BF16_DENSE_KERNELS[0].run(&p.dense, p.m, x, p.y.data, p.scratch.data);
		for (uint32_t i = 0; i < p.m * n; i++) {
			double sum = (double)p.b[i % n];

			for (uint32_t l = 0; l < k; l++)
				sum += (double)bf16_to(bf16_of(x[i / n * k + l])) *
					(double)bf16_to(bf16_of(p.w[l * n + i % n]));
			assert_near((double)y[i], activation_double(&p.dense.act, sum), 1e-5,
				"scalar", i);
		}
		forget(&p);
	}
}

int main(void)
{
	const struct CMUnitTest others[] = { cmocka_unit_test(rounding_is_to_nearest_even),
		cmocka_unit_test(scalar_is_the_formula) };
	int failures;

	random_init();
	failures = KERNELS_RUN("bf16_dense_same_bits", BF16_DENSE, same_bits);
	failures += KERNELS_RUN("bf16_dense_rounds_alike", BF16_DENSE, rounds_alike);
	failures += KERNELS_RUN("bf16_dense_not_finite", BF16_DENSE, not_finite);
	return failures + cmocka_run_group_tests(others, NULL, NULL);
}
