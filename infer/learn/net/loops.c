// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/loops.h"

#include <math.h>
#include <string.h>

// The widest vectors that the CPU has, chosen when the program is loaded; NEON is every aarch64's.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define LOOP                                                                                       \
	__attribute__((                                                                            \
		target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#elif !defined(__clang__)
#define LOOP __attribute__((optimize("O3")))
#else
#define LOOP
#endif

LOOP void loop_adam(
	const struct adam *adam, size_t n, const float *gradient, float *m, float *v, float *w)
{
	const float keep1 = 1 - adam->one_minus_beta1, keep2 = 1 - adam->one_minus_beta2;
	const struct adam a = *adam;

	for (size_t i = 0; i < n; i++) {
		const float g = gradient[i] * a.scale;
		const float m1 = keep1 * m[i] + a.one_minus_beta1 * g;
		const float v1 = keep2 * v[i] + a.one_minus_beta2 * g * g;

		m[i] = m1;
		v[i] = v1;
		w[i] -= a.rate * (m1 * a.correct1) / (__builtin_sqrtf(v1 * a.correct2) + 1e-8f) +
			a.decay * w[i];
	}
}

LOOP void loop_sum(
	size_t n, uint32_t n_from, size_t stride, const float *from, bool adds, float *to)
{
	if (!adds)
		memcpy(to, from, n * sizeof(float));
	for (uint32_t k = adds ? 0 : 1; k < n_from; k++) {
		const float *add = from + k * stride;

		for (size_t i = 0; i < n; i++)
			to[i] += add[i];
	}
}

#define LOOP_COLUMNS 64 // sums that stay in registers

LOOP void loop_columns(uint32_t rows, uint32_t columns, const float *x, bool adds, float *sums)
{
	uint32_t c = 0;

	if (!adds)
		memset(sums, 0, columns * sizeof(float));
	for (; c + LOOP_COLUMNS <= columns; c += LOOP_COLUMNS) {
		float sum[LOOP_COLUMNS];

		memcpy(sum, sums + c, sizeof(sum));
		for (uint32_t r = 0; r < rows; r++) {
			for (uint32_t i = 0; i < LOOP_COLUMNS; i++)
				sum[i] += x[(size_t)r * columns + c + i];
		}
		memcpy(sums + c, sum, sizeof(sum));
	}
	for (uint32_t r = 0; c < columns && r < rows; r++) {
		for (uint32_t i = c; i < columns; i++)
			sums[i] += x[(size_t)r * columns + i];
	}
}

typedef float quad __attribute__((vector_size(16))); // as the compiler has its vectors

static inline quad loop_quad(const float *from)
{
	quad q;

	memcpy(&q, from, sizeof(q));
	return q;
}

// 4 rows x 4 columns.
static inline void loop_transpose_quads(const float *from, size_t ld, size_t ld_to, float *to)
{
	const quad r0 = loop_quad(from), r1 = loop_quad(from + ld);
	const quad r2 = loop_quad(from + 2 * ld), r3 = loop_quad(from + 3 * ld);
	const quad a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
	const quad b = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
	const quad c = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
	const quad d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
	const quad columns[4] = { __builtin_shufflevector(a, c, 0, 1, 4, 5),
		__builtin_shufflevector(a, c, 2, 3, 6, 7),
		__builtin_shufflevector(b, d, 0, 1, 4, 5),
		__builtin_shufflevector(b, d, 2, 3, 6, 7) };

	for (uint32_t j = 0; j < 4; j++)
		memcpy(to + j * ld_to, &columns[j], sizeof(quad));
}

// Four rows at a time, and of what is left value by value.
LOOP void loop_transpose(
	uint32_t rows, uint32_t columns, const float *from, size_t ld_to, float *to)
{
	const uint32_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;

	for (uint32_t c = 0; c < whole_columns; c += 4) {
		for (uint32_t r = 0; r < whole_rows; r += 4)
			loop_transpose_quads(
				from + (size_t)r * columns + c, columns, ld_to, to + c * ld_to + r);
	}
	for (uint32_t r = 0; r < rows; r++) {
		for (uint32_t c = r < whole_rows ? whole_columns : 0; c < columns; c++)
			to[c * ld_to + r] = from[(size_t)r * columns + c];
	}
}

LOOP void loop_scale(size_t n, const float *x, float *g)
{
	for (size_t i = 0; i < n; i++)
		g[i] *= x[i];
}

LOOP void loop_scale_columns(uint32_t rows, uint32_t columns, const float *x, float *g)
{
	for (uint32_t r = 0; r < rows; r++, g += columns) {
		for (uint32_t c = 0; c < columns; c++)
			g[c] *= x[c];
	}
}

LOOP static void loop_relu(size_t n, const float *y, float *g)
{
	for (size_t i = 0; i < n; i++)
		g[i] = y[i] > 0 ? g[i] : 0;
}

LOOP static void loop_tanh(size_t n, const float *y, float *g)
{
	for (size_t i = 0; i < n; i++)
		g[i] *= 1 - y[i] * y[i];
}

LOOP static void loop_sigmoid(size_t n, const float *y, float *g)
{
	for (size_t i = 0; i < n; i++)
		g[i] *= y[i] * (1 - y[i]);
}

// The derivative at z of those that are seldom trained with.
static float loop_derivative(const struct act *act, float z)
{
	const double a = act->alpha, b = act->beta, x = z;

	switch (act->kind) {
	case ACTIVATION_LEAKY_RELU:
		return z >= 0 ? 1 : act->alpha;
	case ACTIVATION_CLIP:
		return z > act->alpha && z < act->beta;
	case ACTIVATION_HARD_SIGMOID:
		return a * x + b > 0 && a * x + b < 1 ? act->alpha : 0;
	case ACTIVATION_ELU:
		return z > 0 ? 1 : (float)(a * exp(x));
	case ACTIVATION_SELU:
		return z > 0 ? act->beta : (float)(a * b * exp(x));
	case ACTIVATION_SOFTPLUS:
		return (float)(1 / (1 + exp(-x)));
	case ACTIVATION_SOFTSIGN:
		return (float)(1 / ((1 + fabs(x)) * (1 + fabs(x))));
	case ACTIVATION_GELU:
		return (float)(0.5 * (1 + erf(x * M_SQRT1_2)) +
			x * exp(-x * x / 2) * (M_SQRT1_2 * M_2_SQRTPI / 2));
	case ACTIVATION_GELU_TANH: {
		const double c = M_SQRT1_2 * M_2_SQRTPI, t = tanh(c * (x + 0.044715 * x * x * x));

		return (float)(0.5 * (1 + t) +
			0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x));
	}
	default:
		return 1;
	}
}

bool loop_act_by_output(const struct act *act)
{
	return act->kind == ACTIVATION_NONE || act->kind == ACTIVATION_RELU ||
		act->kind == ACTIVATION_TANH || act->kind == ACTIVATION_SIGMOID;
}

void loop_act_gradient(const struct act *act, size_t n, const float *z, const float *y, float *g)
{
	if (act->kind == ACTIVATION_RELU)
		loop_relu(n, y, g);
	else if (act->kind == ACTIVATION_TANH)
		loop_tanh(n, y, g);
	else if (act->kind == ACTIVATION_SIGMOID)
		loop_sigmoid(n, y, g);
	for (size_t i = 0; !loop_act_by_output(act) && i < n; i++)
		g[i] *= loop_derivative(act, z[i]);
}
