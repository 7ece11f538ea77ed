// SPDX-License-Identifier: BSD-3-Clause
// int8 dense and quantise kernels: the scalar one against the formula in 64 bits, every other one
// against the scalar one bit by bit, on any scales, forbidden pages right behind x and y.
#include "infer/kernels/qdense.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct problem {
	struct qdense dense;
	uint32_t m;
	int8_t *w;
	int32_t *b;
	float *multiplier;
	struct guarded x, packed;
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

static struct problem make(uint32_t m, uint32_t k, uint32_t n, bool hostile)
{
	static const enum dtype TO[] = { DTYPE_F32, DTYPE_U8, DTYPE_I8 };
	struct problem p = { .m = m };
	struct qdense *d = &p.dense;

	*d = (struct qdense){ .k = k, .n = n, .x_signed = random_below(2), .to = TO[(k + n) % 3] };
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
	for (size_t i = 0; i < (size_t)k * n; i++)
		p.w[i] = (int8_t)((int)random_below(256) - 128);
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

static void forget(struct problem *p)
{
	guarded_free(&p->x);
	guarded_free(&p->packed);
	free(p->w);
	free(p->b);
	free(p->multiplier);
}

static size_t out_bytes(const struct problem *p)
{
	return (size_t)p->m * p->dense.n * (p->dense.to == DTYPE_F32 ? sizeof(float) : 1);
}

static void check(
	const struct qdense_kernel *kernel, uint32_t m, uint32_t k, uint32_t n, bool hostile)
{
	struct problem p = make(m, k, n, hostile);
	struct guarded y = guarded_alloc(out_bytes(&p)), expected = guarded_alloc(out_bytes(&p));

	QDENSE_KERNELS[0].run(&p.dense, m, p.x.data, expected.data);
	kernel->run(&p.dense, m, p.x.data, y.data);
	for (size_t i = 0; i < (size_t)m * n; i++) {
		const float *a = y.data, *b = expected.data;
		const size_t width = p.dense.to == DTYPE_F32 ? sizeof(float) : 1;

		if (width > 1 && isnan(a[i]) && isnan(b[i]))
			continue; // which NaN is not promised
		if (memcmp((char *)y.data + i * width, (char *)expected.data + i * width, width))
			fail_msg("%s m=%u k=%u n=%u to %s: value %zu differs", kernel->name, m, k,
				n, dtype_name(p.dense.to), i);
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

// Each value by itself, from the matrices as they were before they were packed.
static void qdense_scalar_is_the_formula(void **state)
{
	(void)state;
	for (uint32_t turn = 0; turn < 60; turn++) {
		struct problem p = make(3, 1 + random_below(50), 1 + random_below(40), false);
		const struct qdense *d = &p.dense;
		const uint8_t *x = p.x.data;
		void *y = aligned(out_bytes(&p));

		QDENSE_KERNELS[0].run(d, p.m, x, y);
		for (uint32_t i = 0; i < p.m * d->n; i++) {
			int64_t sum = p.b[i % d->n];
			double q;

			for (uint32_t l = 0; l < d->k; l++) {
				const uint8_t byte = x[i / d->n * d->k + l];

				sum += (d->x_signed ? (int8_t)byte : byte) *
					p.w[l * d->n + i % d->n];
			}
			q = (double)((float)sum * p.multiplier[i % d->n]);
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

static void quantise_same_bits(void **state)
{
	const struct quantise_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t turn = 0; turn < 2000; turn++) {
		const size_t count = random_below(200);
		struct guarded x = guarded_alloc(count * sizeof(float)), y = guarded_alloc(count);
		struct quantise q = { .scale = any_scale(turn), .is_signed = turn & 1 };
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

int main(void)
{
	const struct CMUnitTest others[] = { cmocka_unit_test(qdense_scalar_is_the_formula) };
	int failures;

	random_init();
	failures = KERNELS_RUN("qdense_same_bits", QDENSE, qdense_same_bits);
	failures += KERNELS_RUN("quantise_same_bits", QUANTISE, quantise_same_bits);
	return failures + cmocka_run_group_tests(others, NULL, NULL);
}
