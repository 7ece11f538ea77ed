// SPDX-License-Identifier: BSD-3-Clause
// The operators that take rows (binary, affine, PRelu, softmax, layer norm, Normalizer) against
// their formulas in double, at every row length around the vectors' widths, out of place into
// buffers that end at a forbidden page.
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/affine.h"
#include "infer/kernels/elementwise/binary.h"
#include "infer/kernels/elementwise/prelu.h"
#include "infer/kernels/norm/layer_norm.h"
#include "infer/kernels/norm/normalizer.h"
#include "infer/kernels/norm/softmax.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <string.h>

static const uint32_t ROWS[] = { 0, 1, 2, 3, 5 };
static const uint32_t SOFTMAX_ROWS[] = { 0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 37 };
static const uint32_t COLUMNS[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 41, 100 };
#define FOR_EACH(value, LIST)                                                                      \
	for (const uint32_t *value = LIST; value < LIST + sizeof(LIST) / sizeof(*LIST); value++)

struct buffers {
	struct guarded x, y, a, b; // [m][n], [m][n], [n], [n]
	uint32_t m, n;
};

static struct buffers buffers_init(uint32_t m, uint32_t n, float range)
{
	struct buffers s = { .m = m, .n = n };

	s.x = guarded_alloc((size_t)m * n * sizeof(float));
	s.y = guarded_alloc((size_t)m * n * sizeof(float));
	s.a = guarded_alloc(n * sizeof(float));
	s.b = guarded_alloc(n * sizeof(float));
	random_fill(s.x.data, (size_t)m * n, -range, range);
	random_fill(s.a.data, n, 0.5f, 2.0f);
	random_fill(s.b.data, n, -2.0f, 2.0f);
	return s;
}

static void buffers_fini(struct buffers *s)
{
	guarded_free(&s->x);
	guarded_free(&s->y);
	guarded_free(&s->a);
	guarded_free(&s->b);
}

static double binary_double(enum binary_op op, double a, double b)
{
	return op == BINARY_ADD    ? a + b
		: op == BINARY_SUB ? a - b
		: op == BINARY_MUL ? a * b
				   : a / b;
}

static void check_binary(const struct binary_kernel *kernel, struct binary binary, uint32_t m)
{
	static const float ONE[] = { 1.75f };
	struct buffers s = buffers_init(m, binary.columns, 3.0f);
	const float *all[] = { s.x.data, s.a.data, ONE };
	const float *a = all[binary.a], *b = all[binary.b];

	kernel->run(&binary, m, a, b, s.y.data);
	for (uint32_t i = 0; i < m * s.n; i++) {
		const uint32_t at[] = { i, i % s.n, 0 };

		assert_near(((float *)s.y.data)[i],
			binary_double(binary.op, a[at[binary.a]], b[at[binary.b]]), 1e-6,
			kernel->name, i);
	}
	buffers_fini(&s);
}

static void binary_operands(void **state)
{
	skip_where_absent(state);
	FOR_EACH(m, ROWS)
	FOR_EACH(n, COLUMNS)
	for (int op = 0; op < BINARY_COUNT; op++)
		for (int a = 0; a < OPERAND_COUNT; a++)
			for (int b = 0; b < OPERAND_COUNT; b++)
				check_binary(*state,
					(struct binary){ (enum binary_op)op, (enum operand)a,
						(enum operand)b, *n },
					*m);
}

static void affine_activations(void **state)
{
	const struct affine_kernel *kernel = *state;

	skip_where_absent(state);
	FOR_EACH(m, ROWS)
	FOR_EACH(n, COLUMNS)
	for (int kind = 0; kind < ACTIVATION_COUNT; kind++) {
		struct buffers s = buffers_init(*m, *n, 3.0f);
		const float *x = s.x.data, *scale = s.a.data, *shift = s.b.data;
		struct affine affine = { scale, shift, *n, act_defaults((enum activation)kind) };

		kernel->run(&affine, *m, x, s.y.data);
		for (uint32_t i = 0; i < *m * *n; i++)
			assert_near(((float *)s.y.data)[i],
				activation_double(
					&affine.act, (double)x[i] * scale[i % *n] + shift[i % *n]),
				1e-5, kernel->name, i);
		buffers_fini(&s);
	}
}

static void prelu_slopes(void **state)
{
	const struct prelu_kernel *kernel = *state;

	skip_where_absent(state);
	FOR_EACH(m, ROWS)
	FOR_EACH(n, COLUMNS)
	{
		struct buffers s = buffers_init(*m, *n, 3.0f);
		const float *x = s.x.data, *slope = s.b.data;

		kernel->run(&(struct prelu){ slope, *n }, *m, x, s.y.data);
		for (uint32_t i = 0; i < *m * *n; i++)
			assert_near(((float *)s.y.data)[i],
				x[i] < 0.0f ? (double)x[i] * slope[i % *n] : x[i], 1e-6,
				kernel->name, i);
		buffers_fini(&s);
	}
}

static void check_softmax(const struct softmax_kernel *kernel, uint32_t m, uint32_t n,
	uint32_t inner, bool log_of, float range)
{
	struct buffers s = buffers_init(m, n * inner, range);
	const float *x = s.x.data;

	kernel->run(&(struct softmax){ n, inner, log_of }, m, x, s.y.data);
	for (uint32_t i = 0; i < m * n * inner; i++) {
		const float *row = x + i / (n * inner) * n * inner + i % inner;
		double sum = 0.0, score;

		for (uint32_t c = 0; c < n; c++)
			sum += exp((double)row[(size_t)c * inner] - x[i]); // 1 / its own share
		score = log_of ? -log(sum) : 1.0 / sum;
		assert_near(((float *)s.y.data)[i], score, 1e-6, kernel->name, i);
	}
	// Once more in place.
	kernel->run(&(struct softmax){ n, inner, log_of }, m, x, s.x.data);
	assert_memory_equal(s.x.data, s.y.data, s.x.bytes);
	buffers_fini(&s);
}

static void softmax_lengths(void **state)
{
	skip_where_absent(state);
	FOR_EACH(m, SOFTMAX_ROWS)
	FOR_EACH(n, COLUMNS)
	for (int log_of = 0; log_of < 2; log_of++) {
		check_softmax(*state, *m, *n, 1, log_of, 4.0f);
		check_softmax(*state, *m, *n, 1, log_of, 80.0f);
		check_softmax(*state, *m, *n, 3, log_of, 4.0f);
	}
}

// Large scores do not overflow; a NaN spoils its own row and no other.
static void softmax_special_values(void **state)
{
	const struct softmax_kernel *kernel = *state;
	float x[] = { 3e38f, 3e38f, -3e38f, 0.0f, NAN, 1.0f, -INFINITY, 2.0f, 2.0f }, y[9];

	skip_where_absent(state);
	for (int log_of = 0; log_of < 2; log_of++) {
		kernel->run(&(struct softmax){ 3, 1, log_of }, 3, x, y);
		assert_near(y[0], log_of ? -log(2.0) : 0.5, 1e-6, kernel->name, 0);
		assert_true(log_of ? y[2] < -1e38f : y[2] == 0.0f);
		for (int i = 3; i < 6; i++)
			assert_true(isnan(y[i]));
		assert_near(y[6], log_of ? -INFINITY : 0.0, 1e-6, kernel->name, 6);
		assert_near(y[7], log_of ? -log(2.0) : 0.5, 1e-6, kernel->name, 7);
	}
}

static void layer_norm_lengths(void **state)
{
	const struct layer_norm_kernel *kernel = *state;

	skip_where_absent(state);
	FOR_EACH(m, ROWS)
	FOR_EACH(n, COLUMNS)
	{
		struct buffers s = buffers_init(*m, *n, 3.0f);
		const float *x = s.x.data, *scale = s.a.data, *bias = *n % 2 ? s.b.data : NULL;
		float means[5], inverses[5];

		kernel->run(&(struct layer_norm){ scale, bias, *n, 1e-3f }, *m, x, s.y.data, means,
			inverses);
		for (uint32_t i = 0; i < *m * *n; i++) {
			const float *row = x + i / *n * *n;
			double mean = 0.0, variance = 0.0, inverse;

			for (uint32_t c = 0; c < *n; c++)
				mean += (double)row[c] / *n;
			for (uint32_t c = 0; c < *n; c++)
				variance += (row[c] - mean) * (row[c] - mean) / *n;
			inverse = 1.0 / sqrt(variance + 1e-3);
			assert_near(((float *)s.y.data)[i],
				(x[i] - mean) * inverse * scale[i % *n] +
					(bias ? bias[i % *n] : 0.0),
				1e-5, kernel->name, i);
			assert_near(means[i / *n], mean, 1e-6, "mean", i / *n);
			assert_near(inverses[i / *n], inverse, 1e-5, "inv_std", i / *n);
		}
		buffers_fini(&s);
	}
}

static double norm_double(enum norm norm, uint32_t n, const float *row)
{
	double total = norm == NORM_MAX ? row[0] : 0.0;

	for (uint32_t c = 0; c < n; c++)
		total = norm == NORM_MAX
			? fmax(total, row[c])
			: total + (norm == NORM_L1 ? fabs((double)row[c]) : pow(row[c], 2));
	return norm == NORM_L2 ? sqrt(total) : total;
}

static void normalizer_norms(void **state)
{
	const struct normalizer_kernel *kernel = *state;

	skip_where_absent(state);
	FOR_EACH(m, ROWS)
	FOR_EACH(n, COLUMNS)
	for (int norm = 0; norm < NORM_COUNT; norm++) {
		struct buffers s = buffers_init(*m, *n, 3.0f);
		const float *x = s.x.data;

		if (*m > 1) // a row of zeros stays as it is
			memset((float *)s.x.data + *n, 0, *n * sizeof(float));
		kernel->run(&(struct normalizer){ (enum norm)norm, *n }, *m, x, s.y.data);
		for (uint32_t i = 0; i < *m * *n; i++) {
			double by = norm_double((enum norm)norm, *n, x + i / *n * *n);

			assert_near(((float *)s.y.data)[i], by != 0.0 ? x[i] / by : x[i], 1e-5,
				kernel->name, i);
		}
		buffers_fini(&s);
	}
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("binary", BINARY, binary_operands);
	failures += KERNELS_RUN("affine", AFFINE, affine_activations);
	failures += KERNELS_RUN("prelu", PRELU, prelu_slopes);
	failures += KERNELS_RUN("softmax", SOFTMAX, softmax_lengths);
	failures += KERNELS_RUN("softmax_special_values", SOFTMAX, softmax_special_values);
	failures += KERNELS_RUN("layer_norm", LAYER_NORM, layer_norm_lengths);
	return failures + KERNELS_RUN("normalizer", NORMALIZER, normalizer_norms);
}
