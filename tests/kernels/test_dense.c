// SPDX-License-Identifier: BSD-3-Clause
// Every dense kernel against the formula in double: sizes around each tile's edges, all
// activations, strides, odd alignments, forbidden pages right behind x and y.
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/softmax.h"
#include "infer/kernels/product/dense.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct shape {
	uint32_t m, k, n;
	uint32_t x_gap, y_gap; // ldx - k, ldy - n
};

struct dense_problem {
	struct shape shape;
	struct guarded x, y, packed;
	float *w, *b;
	double *expected; // [m][n]
};

static void *aligned(size_t bytes)
{
	void *p = aligned_alloc(
		KERNEL_ALIGN, (bytes + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN);

	assert_non_null(p);
	return p;
}

// The last row ends where the buffer ends: there is no gap behind it.
static size_t rows_bytes(uint32_t rows, uint32_t columns, uint32_t gap)
{
	return rows ? ((size_t)(rows - 1) * (columns + gap) + columns) * sizeof(float) : 0;
}

static void expect(struct dense_problem *p, const struct act *act)
{
	const struct shape *s = &p->shape;
	const float *x = p->x.data;

	for (uint32_t row = 0; row < s->m; row++) {
		for (uint32_t c = 0; c < s->n; c++) {
			double sum = p->b ? p->b[c] : 0.0;

			for (uint32_t i = 0; i < s->k; i++)
				sum += (double)x[row * (size_t)(s->k + s->x_gap) + i] *
					p->w[(size_t)i * s->n + c];
			p->expected[(size_t)row * s->n + c] = activation_double(act, sum);
		}
	}
}

static void compare(const struct dense_problem *p, const char *name)
{
	const struct shape *s = &p->shape;
	const float *y = p->y.data;

	for (uint32_t row = 0; row < s->m; row++) {
		const float *values = y + row * (size_t)(s->n + s->y_gap);

		for (uint32_t c = 0; c < s->n; c++)
			assert_near(values[c], p->expected[(size_t)row * s->n + c], 1e-5, name,
				(size_t)row * s->n + c);
		for (uint32_t i = 0; row + 1 < s->m && i < s->y_gap * sizeof(float); i++)
			if (((const uint8_t *)(values + s->n))[i] != CANARY)
				fail_msg("%s: wrote between the rows, after row %u", name, row);
	}
}

static void check(const struct dense_kernel *kernel, struct shape shape, struct act act, bool bias)
{
	struct dense_problem p = { .shape = shape };
	struct dense dense = { .k = shape.k, .n = shape.n, .act = act };
	size_t weights = (size_t)shape.k * shape.n;
	float bound = 1.5f / sqrtf((float)shape.k);
	size_t packed_bytes = kernel->packed_bytes(shape.k, shape.n);
	char what[128];

	p.x = guarded_alloc(rows_bytes(shape.m, shape.k, shape.x_gap));
	p.y = guarded_alloc(rows_bytes(shape.m, shape.n, shape.y_gap));
	p.packed = guarded_alloc((packed_bytes + 63) / 64 * 64);
	p.w = aligned(weights * sizeof(float));
	p.b = bias ? aligned(shape.n * sizeof(float)) : NULL;
	p.expected = aligned((size_t)shape.m * shape.n * sizeof(double) + 1);
	random_fill(p.x.data, p.x.bytes / sizeof(float), -2.0f, 2.0f);
	random_fill(p.w, weights, -bound, bound);
	if (bias)
		random_fill(p.b, shape.n, -1.0f, 1.0f);
	kernel->pack(p.packed.data, p.w, p.b, shape.k, shape.n);
	dense.packed = p.packed.data;
	expect(&p, &act);
	kernel->run(
		&dense, shape.m, p.x.data, shape.k + shape.x_gap, p.y.data, shape.n + shape.y_gap);
	snprintf(what, sizeof(what), "%s m=%u k=%u n=%u act=%s", kernel->name, shape.m, shape.k,
		shape.n, activation_name(act.kind));
	compare(&p, what);
	guarded_free(&p.x);
	guarded_free(&p.y);
	guarded_free(&p.packed);
	free(p.w);
	free(p.b);
	free(p.expected);
}

static void dense_sizes(void **state)
{
	static const uint32_t M[] = { 0, 1, 2, 5, 6, 7, 8, 9, 13, 14, 15, 29 };
	static const uint32_t K[] = { 1, 2, 3, 4, 7, 8, 9, 41 };
	static const uint32_t N[] = { 1, 5, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32, 33, 47, 48, 49, 63,
		64, 65, 72, 73, 129 };
	const struct dense_kernel *kernel = *state;
	const struct act relu = act_defaults(ACTIVATION_RELU);

	skip_where_absent(state);
	for (size_t m = 0; m < sizeof(M) / sizeof(*M); m++)
		for (size_t k = 0; k < sizeof(K) / sizeof(*K); k++)
			for (size_t n = 0; n < sizeof(N) / sizeof(*N); n++)
				check(kernel,
					(struct shape){
						M[m], K[k], N[n], (m + k) % 3, (m + n) % 4 },
					relu, (k + n) % 4 != 0);
}

static void dense_random_sizes(void **state)
{
	skip_where_absent(state);
	for (int i = 0; i < 40; i++)
		check(*state,
			(struct shape){ 1 + random_below(70), 1 + random_below(300),
				1 + random_below(300), random_below(3), random_below(3) },
			act_defaults(ACTIVATION_NONE), true);
}

static void dense_activations(void **state)
{
	skip_where_absent(state);
	for (int kind = 0; kind < ACTIVATION_COUNT; kind++) {
		struct act act = act_defaults((enum activation)kind);

		if (kind == ACTIVATION_CLIP)
			act.alpha = -0.5f, act.beta = 0.75f;
		check(*state, (struct shape){ 17, 19, 37, 0, 1 }, act, true);
		check(*state, (struct shape){ 1, 64, 64, 0, 0 }, act, true);
		check(*state, (struct shape){ 3, 32, 5, 1, 0 }, act, true);
	}
}

// A NaN or an infinity in one row reaches that row's outputs, all of them, and no other row.
static void dense_not_finite(void **state)
{
	const struct dense_kernel *kernel = *state;
	const uint32_t m = 15, k = 9, n = 21;
	struct dense dense = { .k = k, .n = n };
	float x[15 * 9], y[15 * 21], w[9 * 21];
	void *packed;

	skip_where_absent(state);
	random_fill(x, m * k, -1.0f, 1.0f);
	random_fill(w, k * n, 0.5f, 1.0f);
	x[3 * 9 + 8] = NAN;
	x[4 * 9 + 8] = INFINITY; // the last of an odd count
	packed = aligned(kernel->packed_bytes(k, n));
	kernel->pack(packed, w, NULL, k, n);
	dense.packed = packed;
	kernel->run(&dense, m, x, k, y, n);
	for (uint32_t i = 0; i < m * n; i++) {
		if (i / n == 3)
			assert_true(isnan(y[i]));
		else if (i / n == 4)
			assert_true(isinf(y[i]));
		else
			assert_true(isfinite(y[i]));
	}
	free(packed);
}

// The choice without timing is one that may run, whatever the mask.
static void pick_obeys_mask(void **state)
{
	static const char *const NAMES[] = { "scalar",
		X86("avx2", "avx512", "avx512vnni", "amx", ) ARM("neon", ) "native" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		unsigned mask;

		assert_int_equal(isa_parse(NAMES[i], &mask, NULL), 0);
		mask &= isa_detected(); // as model.c does
		for (uint32_t m = 1; m <= 64; m *= 4) {
			const struct dense_kernel *kernel =
				dense_pick(mask, m, 41, m == 16 ? 5 : 64);

			assert_true(kernel_allowed(kernel->isa, mask));
		}
		assert_true(kernel_allowed(softmax_pick(mask)->isa, mask));
	}
	assert_string_equal(dense_pick(ISA_SCALAR, 1, 8, 8)->name, "f32_dense_1x1__scalar");
	assert_int_not_equal(isa_parse("sse9", &(unsigned){ 0 }, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest others[] = { cmocka_unit_test(pick_obeys_mask) };
	int failures;

	random_init();
	failures = KERNELS_RUN("dense_sizes", DENSE, dense_sizes);
	failures += KERNELS_RUN("dense_random_sizes", DENSE, dense_random_sizes);
	failures += KERNELS_RUN("dense_activations", DENSE, dense_activations);
	failures += KERNELS_RUN("dense_not_finite", DENSE, dense_not_finite);
	return failures + cmocka_run_group_tests(others, NULL, NULL);
}
