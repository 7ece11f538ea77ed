// SPDX-License-Identifier: BSD-3-Clause
// int8 dense kernels: the scalar one against the formula in 64 bits, every other one
// against the scalar one bit by bit, on any scales, forbidden pages right behind x and y.
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/quantise/qdense.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct qdense_problem {
	struct qdense dense;
	uint32_t m;
	int8_t *w;
	int32_t *b;
	float *multiplier;
	struct guarded x, packed;
	struct qdense_epilogue epilogue;
	struct qdense_rows rows;
	struct guarded scale, zero;
	void *constants[3]; // of the epilogue
};

static void *aligned(size_t bytes)
{
	void *p = aligned_alloc(KERNEL_ALIGN, (bytes + KERNEL_ALIGN) / KERNEL_ALIGN * KERNEL_ALIGN);

	assert_non_null(p);
	return p;
}

static float any_scale(uint32_t i)
{
	static const float HOSTILE[] = { 0.0f, -0.01f, NAN, INFINITY, -INFINITY, 1e-42f, 3e38f };

	return i % 3 ? random_float(1e-5f, 1e-2f) : HOSTILE[random_below(7)];
}

// Rows that each have a scale and a zero point, or all the same, and what comes of their sums.
static void make_epilogue(struct qdense_problem *p, bool hostile)
{
	const uint32_t n = p->dense.n, m = p->m ? p->m : 1;
	int32_t *sums = aligned(qdense_padded(n) * sizeof(*sums));
	int32_t *zeros = aligned(qdense_padded(n) * sizeof(*zeros));
	float *bias = aligned(qdense_padded(n) * sizeof(*bias));

	p->constants[0] = sums;
	p->constants[1] = zeros;
	p->constants[2] = bias;
	for (uint32_t i = 0; i < qdense_padded(n); i++) {
		sums[i] = (int32_t)random_below(20000) - 10000;
		zeros[i] = (int32_t)random_below(256) - 128;
		bias[i] = hostile ? any_scale(i) : random_float(-1.0f, 1.0f);
	}
	p->epilogue = (struct qdense_epilogue){ .zero_sums = sums,
		.w_zeros = random_below(2) ? zeros : NULL,
		.bias = bias,
		.low = -INFINITY,
		.high = random_below(2) ? INFINITY : 2.5f };
	if (random_below(2))
		p->epilogue.low = 0; // Relu
	p->scale = guarded_alloc(m * sizeof(float));
	p->zero = guarded_alloc(m);
	for (uint32_t i = 0; i < m; i++) {
		((float *)p->scale.data)[i] = hostile ? any_scale(i) : random_float(1e-4f, 1.0f);
		((uint8_t *)p->zero.data)[i] = (uint8_t)random_below(256);
	}
	p->rows = (struct qdense_rows){ .scale = p->scale.data,
		.zero = random_below(4) ? p->zero.data : NULL,
		.scale_step = random_below(4) != 0,
		.zero_step = random_below(4) != 0 };
	p->dense.to = DTYPE_F32;
	p->dense.epilogue = &p->epilogue;
}

static struct qdense_problem make(uint32_t m, uint32_t k, uint32_t n, bool hostile)
{
	static const enum dtype TO[] = { DTYPE_F32, DTYPE_U8, DTYPE_I8, DTYPE_I32 };
	struct qdense_problem p = { .m = m };
	struct qdense *d = &p.dense;

	*d = (struct qdense){
		.k = k, .n = n, .x_signed = random_below(2), .to = TO[random_below(4)]
	};
	d->low = d->to == DTYPE_I8 ? -128 : 0;
	d->high = d->low + 255;
	d->zero = d->low + (int32_t)random_below(256);
	if (random_below(2))
		d->low = d->zero; // Relu
	p.w = aligned((size_t)k * n);
	p.b = aligned(n * sizeof(*p.b));
	p.multiplier = aligned(n * sizeof(float));
	p.x = guarded_alloc((size_t)m * k);
	p.packed = guarded_alloc((qdense_packed_bytes(k, n) + 63) / 64 * 64);
	// Of some panels sums of four products fit in 16 bits.
	for (size_t i = 0, panels = random_below(4); i < (size_t)k * n; i++) {
		const int32_t most = panels > 1 + i % n / QDENSE_PANEL % 2 ? 128 : 32;

		p.w[i] = (int8_t)((int32_t)random_below(2 * (uint32_t)most) - most);
	}
	for (size_t i = 0; i < (size_t)m * k; i++)
		((uint8_t *)p.x.data)[i] = random_below(4) ? (uint8_t)random_below(256) : 255;
	for (uint32_t i = 0; i < n; i++) {
		p.b[i] = hostile ? (int32_t)(random_below(65536) << 16)
				 : (int32_t)random_below(20000) - 10000;
		p.multiplier[i] = hostile ? any_scale(i) : random_float(1e-5f, 1e-2f);
	}
	qdense_pack(d, p.packed.data, p.w, p.b, p.multiplier);
	d->packed = p.packed.data;
	return p;
}

static void forget(struct qdense_problem *p)
{
	for (uint32_t i = 0; i < 3; i++)
		free(p->constants[i]);
	if (p->scale.data)
		guarded_free(&p->scale);
	if (p->zero.data)
		guarded_free(&p->zero);
	guarded_free(&p->x);
	guarded_free(&p->packed);
	free(p->w);
	free(p->b);
	free(p->multiplier);
}

static size_t out_bytes(const struct qdense_problem *p)
{
	return (size_t)p->m * p->dense.n * qdense_y_bytes(&p->dense);
}

static void check(
	const struct qdense_kernel *kernel, uint32_t m, uint32_t k, uint32_t n, bool hostile)
{
	struct qdense_problem p = make(m, k, n, hostile);
	struct guarded y, expected;

	if (random_below(3) == 0)
		make_epilogue(&p, hostile);
	y = guarded_alloc(out_bytes(&p));
	expected = guarded_alloc(out_bytes(&p));
	QDENSE_KERNELS[0].run(&p.dense, m, p.x.data, &p.rows, expected.data);
	kernel->run(&p.dense, m, p.x.data, &p.rows, y.data);
	for (size_t i = 0; i < (size_t)m * n; i++) {
		const float *a = y.data, *b = expected.data;
		const size_t width = qdense_y_bytes(&p.dense);

		if (p.dense.to == DTYPE_F32 && isnan(a[i]) && isnan(b[i]))
			continue; // which NaN is not promised
		if (memcmp((char *)y.data + i * width, (char *)expected.data + i * width, width))
			fail_msg("%s m=%u k=%u n=%u to %s%s: value %zu differs", kernel->name, m, k,
				n, dtype_name(p.dense.to), p.dense.epilogue ? " by rows" : "", i);
	}
	guarded_free(&y);
	guarded_free(&expected);
	forget(&p);
}

static void qdense_same_bits(void **state)
{
	static const uint32_t M[] = { 0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 25 };
	static const uint32_t K[] = { 1, 2, 3, 4, 5, 8, 41 };
	static const uint32_t N[] = { 1, 5, 8, 9, 15, 16, 17, 32, 33, 48, 49, 63, 64, 65, 112, 128,
		129, 200 };

	skip_where_absent(state);
	for (size_t m = 0; m < sizeof(M) / sizeof(*M); m++)
		for (size_t k = 0; k < sizeof(K) / sizeof(*K); k++)
			for (size_t n = 0; n < sizeof(N) / sizeof(*N); n++)
				check(*state, M[m], K[k], N[n], (m + k + n) % 4 == 0);
	for (int i = 0; i < 40; i++)
		check(*state, 1 + random_below(70), 1 + random_below(300), 1 + random_below(300),
			i % 2);
}

static int64_t sum_of(const struct qdense_problem *p, uint32_t row, uint32_t column)
{
	const struct qdense *d = &p->dense;
	int64_t sum = p->b[column];

	for (uint32_t l = 0; l < d->k; l++) {
		const uint8_t byte = ((const uint8_t *)p->x.data)[row * d->k + l];

		sum += (d->x_signed ? (int8_t)byte : byte) * p->w[l * d->n + column];
	}
	return sum;
}

// Value by value, from the matrices as they were before they were packed.
static void qdense_scalar_is_the_formula(void **state)
{
	(void)state;
	for (uint32_t trial = 0; trial < 60; trial++) {
		struct qdense_problem p =
			make(3, 1 + random_below(50), 1 + random_below(40), false);
		const struct qdense *d = &p.dense;
		void *y = aligned(out_bytes(&p));

		QDENSE_KERNELS[0].run(d, p.m, p.x.data, NULL, y);
		for (uint32_t i = 0; i < p.m * d->n; i++) {
			const int64_t sum = sum_of(&p, i / d->n, i % d->n);
			double q = (double)((float)sum * p.multiplier[i % d->n]);

			if (d->to == DTYPE_I32) {
				assert_int_equal(((int32_t *)y)[i], sum);
				continue;
			}
			if (d->to == DTYPE_F32) {
				assert_true((double)((float *)y)[i] == q);
				continue;
			}
			q = fmax(d->low, fmin(d->high, nearbyint(q) + d->zero));
			assert_int_equal(
				d->to == DTYPE_I8 ? ((int8_t *)y)[i] : ((uint8_t *)y)[i], (int)q);
		}
		free(y);
		forget(&p);
	}
}

// The same of rows that stand for floats by scales of their own, zero points taken off one by one.
static void qdense_epilogue_is_the_formula(void **state)
{
	(void)state;
	for (uint32_t trial = 0; trial < 60; trial++) {
		struct qdense_problem p =
			make(4, 1 + random_below(50), 1 + random_below(40), false);
		const struct qdense *d = &p.dense;
		float *y;

		make_epilogue(&p, false);
		y = aligned(out_bytes(&p));
		QDENSE_KERNELS[0].run(d, p.m, p.x.data, &p.rows, y);
		for (uint32_t i = 0; i < p.m * d->n; i++) {
			const uint32_t row = i / d->n, c = i % d->n;
			const uint8_t byte = p.rows.zero ? p.rows.zero[row * p.rows.zero_step] : 0;
			const int32_t zero = d->x_signed ? (int8_t)byte : byte;
			int64_t sum = sum_of(&p, row, c) - (int64_t)zero * p.epilogue.zero_sums[c];
			volatile float v = p.rows.scale[row * p.rows.scale_step] * p.multiplier[c];

			for (uint32_t l = 0; l < d->k && p.epilogue.w_zeros; l++) {
				const uint8_t of = ((uint8_t *)p.x.data)[row * d->k + l];

				sum -= (int64_t)(d->x_signed ? (int8_t)of : of) *
					p.epilogue.w_zeros[c];
			}
			v = (float)sum * v; // not contracted: v is volatile
			v = v + p.epilogue.bias[c];
			assert_true(fminf(p.epilogue.high, fmaxf(p.epilogue.low, v)) == y[i]);
		}
		free(y);
		forget(&p);
	}
}

int main(void)
{
	const struct CMUnitTest others[] = { cmocka_unit_test(qdense_scalar_is_the_formula),
		cmocka_unit_test(qdense_epilogue_is_the_formula) };
	int failures;

	random_init();
	failures = KERNELS_RUN("qdense_same_bits", QDENSE, qdense_same_bits);
	return failures + cmocka_run_group_tests(others, NULL, NULL);
}
