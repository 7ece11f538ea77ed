// SPDX-License-Identifier: BSD-3-Clause
// PairwiseCoupling: probabilities p of k classes from r[i][j], that of i where it is i or j. Wu,
// Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling", 2004,
// algorithm 2, with libsvm's stop: at most max(100, k) rounds, until p is within 0.005 / k.
#include "infer/ops/plain.h"

#include <math.h>

static uint32_t classes_of(const struct general *general)
{
	return (uint32_t)general->out[0].dims[1];
}

size_t general_coupling_scratch(const struct general *general)
{
	const size_t k = classes_of(general);

	return (k * k + 2 * k) * sizeof(double);
}

uint64_t general_coupling_work(const struct general *general)
{
	const uint64_t k = classes_of(general);

	return (k > 100 ? k : 100) * 4 * k * k;
}

// q [k][k]: the quadratic form whose least value p has.
static void form(const float *r, uint32_t k, double *q)
{
	uint32_t pair = 0;

	for (uint32_t t = 0; t < k; t++)
		q[(size_t)t * k + t] = 0;
	for (uint32_t i = 0; i < k; i++) {
		for (uint32_t j = i + 1; j < k; j++, pair++) {
			const double ij = (double)r[pair], ji = 1 - ij;

			q[(size_t)i * k + i] += ji * ji;
			q[(size_t)j * k + j] += ij * ij;
			q[(size_t)i * k + j] = q[(size_t)j * k + i] = -ij * ji;
		}
	}
}

// Qp and pQp of p; returns how far p is from the solution.
static double residual(const double *q, uint32_t k, const double *p, double *qp, double *pqp)
{
	double most = 0;

	*pqp = 0;
	for (uint32_t t = 0; t < k; t++) {
		qp[t] = 0;
		for (uint32_t j = 0; j < k; j++)
			qp[t] += q[(size_t)t * k + j] * p[j];
		*pqp += p[t] * qp[t];
	}
	for (uint32_t t = 0; t < k; t++)
		most = fmax(most, fabs(qp[t] - *pqp));
	return most;
}

void general_coupling(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const uint32_t k = classes_of(general), rounds = k > 100 ? k : 100;
	double *q = scratch, *qp = q + (size_t)k * k, *p = qp + k, pqp;
	float *out = y[0];

	form(x[0], k, q);
	for (uint32_t t = 0; t < k; t++)
		p[t] = 1.0 / k;
	for (uint32_t round = 0; round < rounds && !(residual(q, k, p, qp, &pqp) < 0.005 / k);
		round++) {
		for (uint32_t t = 0; t < k; t++) {
			const double at = q[(size_t)t * k + t], step = (pqp - qp[t]) / at;

			p[t] += step;
			pqp = (pqp + step * (step * at + 2 * qp[t])) / (1 + step) / (1 + step);
			for (uint32_t j = 0; j < k; j++) {
				qp[j] = (qp[j] + step * q[(size_t)t * k + j]) / (1 + step);
				p[j] /= 1 + step;
			}
		}
	}
	for (uint32_t t = 0; t < k; t++)
		out[t] = (float)p[t];
}
