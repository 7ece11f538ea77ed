// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/kernels.h"

#include <assert.h>
#include <math.h>

static float logistic(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

// Inverse of the normal distribution function: Newton's method on erfc, from 0. In double: at the
// ends the derivative is tiny. Outside of (0, 1) it is what the function tends to, or NaN.
static float probit(float p)
{
	double x = 0.0;

	if (!(p > 0.0f && p < 1.0f))
		return p == 0.0f ? -INFINITY : p == 1.0f ? INFINITY : NAN;
	for (int i = 0; i < 64; i++) {
		double error = 0.5 * erfc(-x * M_SQRT1_2) - (double)p;
		double density = exp(-0.5 * x * x) * 0.3989422804014327;
		double step = error / density;

		// Far out the curve is flat and a full step would leap across.
		step = step > 0.5 ? 0.5 : step < -0.5 ? -0.5 : step;
		x -= step;
		if (fabs(step) < 1e-9)
			break;
	}
	return (float)x;
}

// The second class has the score s, the first one what completes it: 1 - s where scores are used as
// they are (as onnxruntime does), otherwise the transform of -s beside that of s.
static void scores_write(enum post_transform transform, float s, float *y)
{
	switch (transform) {
	case POST_LOGISTIC:
		y[0] = logistic(-s);
		y[1] = logistic(s);
		break;
	case POST_SOFTMAX: // softmax of (-s, s)
		y[0] = logistic(-2.0f * s);
		y[1] = logistic(2.0f * s);
		break;
	case POST_SOFTMAX_ZERO: // as softmax, but scores of 0 stay 0
		y[0] = s == 0.0f ? 0.0f : logistic(-2.0f * s);
		y[1] = s == 0.0f ? 0.0f : logistic(2.0f * s);
		break;
	case POST_PROBIT:
		y[0] = probit(1.0f - s);
		y[1] = probit(s);
		break;
	default:
		y[0] = 1.0f - s;
		y[1] = s;
		break;
	}
}

void f32_binary_scores__scalar(
	const struct binary_scores *scores, uint32_t m, const float *x, float *y)
{
	assert(scores->post_transform < POST_COUNT);
	for (uint32_t row = 0; row < m; row++)
		scores_write(scores->post_transform, x[row], y + (size_t)row * 2);
}
