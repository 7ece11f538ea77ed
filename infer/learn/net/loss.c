// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/loss.h"

#include "infer/learn/net/net.h"

#include <math.h>
#include <stddef.h>

double loss_softmax(uint32_t n, const float *z, int32_t class, const float *p, double temperature,
	double factor, float *g)
{
	const float inverse = (float)(1 / temperature), slope = (float)(factor / temperature);
	float e[NET_WIDTH_MAX], most = z[0], sum = 0, scale;
	double loss = 0, log_sum;

	for (uint32_t i = 1; i < n; i++)
		most = z[i] > most ? z[i] : most;
	for (uint32_t i = 0; i < n; i++) {
		e[i] = expf((z[i] - most) * inverse);
		sum += e[i];
	}
	// cppcheck-suppress invalidFunctionArg ; n is not 0, so that the sum is 1 at least
	log_sum = logf(sum);
	if (class >= 0)
		loss = log_sum - (double)((z[class] - most) * inverse);
	for (uint32_t i = 0; class < 0 && i < n; i++)
		loss += p[i] > 0 ? (double)p[i] * (log_sum - (double)((z[i] - most) * inverse)) : 0;
	if (!g)
		return loss;
	scale = slope / sum;
	for (uint32_t i = 0; i < n; i++)
		g[i] += scale * e[i];
	if (class >= 0)
		g[class] -= slope;
	for (uint32_t i = 0; class < 0 && i < n; i++)
		g[i] -= slope * p[i];
	return loss;
}

double loss_sigmoid(uint32_t n, const float *z, int32_t class, const float *p, double temperature,
	double factor, float *g)
{
	double loss = 0;

	for (uint32_t i = 0; i < n; i++) {
		const double x = z[i] / temperature, small = exp(-fabs(x));
		const double aim = class < 0 ? p[i] : n == 1 ? class : class == (int32_t)i;

		// log(1 + e^x) - aim * x, without overflow
		loss += (x > 0 ? x : 0) + log1p(small) - aim * x;
		if (g)
			g[i] += (float)(factor / temperature *
				((x >= 0 ? 1 : small) / (1 + small) - aim));
	}
	return loss;
}

double loss_squares(uint32_t n, const float *z, const float *t, double factor, float *g)
{
	double loss = 0;

	for (uint32_t i = 0; i < n; i++) {
		const float d = z[i] - t[i];

		loss += (double)d * d;
		if (g)
			g[i] += (float)factor * d;
	}
	return loss / 2;
}
