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

LOOP void loop_sum(size_t n, uint32_t n_from, size_t stride, const float *from, float *to)
{
	if (to != from)
		memcpy(to, from, n * sizeof(float));
	for (uint32_t k = 1; k < n_from; k++) {
		const float *add = from + k * stride;

		for (size_t i = 0; i < n; i++)
			to[i] += add[i];
	}
}

LOOP void loop_columns(uint32_t rows, uint32_t columns, const float *x, float *sums)
{
	memset(sums, 0, columns * sizeof(float));
	for (uint32_t r = 0; r < rows; r++, x += columns) {
		for (uint32_t c = 0; c < columns; c++)
			sums[c] += x[c];
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
