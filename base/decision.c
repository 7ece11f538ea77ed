// SPDX-License-Identifier: BSD-3-Clause
#include "base/decision.h"

#include <math.h>

enum decision_rule decision_rule_of(uint32_t n_class_labels, uint32_t n_outputs)
{
	if (n_class_labels >= 2 && n_outputs == n_class_labels)
		return DECISION_LARGEST;
	if (n_class_labels == 2 && n_outputs == 1)
		return DECISION_SIDE;
	return DECISION_WITHIN;
}

void decision_allow(const float *golden_outputs, uint32_t n_golden, uint32_t n_outputs,
	float tolerance, float *allowed)
{
	for (uint32_t o = 0; o < n_outputs; o++) {
		float least = 0, most = 0;

		for (uint32_t row = 0; row < n_golden; row++) {
			const float value = golden_outputs[(uint64_t)row * n_outputs + o];

			least = row == 0 || value < least ? value : least;
			most = row == 0 || value > most ? value : most;
		}
		allowed[o] =
			tolerance * (most > least && isfinite(most - least) ? most - least : 1);
	}
}

bool decision_distance(
	const float *live, const float *other, uint32_t n, double *distance, bool *only_one)
{
	bool live_finite = true, other_finite = true;
	double largest = 0;

	for (uint32_t i = 0; i < n; i++) {
		const double apart = fabs((double)live[i] - (double)other[i]);

		live_finite = live_finite && isfinite(live[i]);
		other_finite = other_finite && isfinite(other[i]);
		largest = apart > largest ? apart : largest;
	}
	*distance = largest;
	*only_one = live_finite != other_finite;
	return live_finite && other_finite;
}

uint32_t decision_largest(const float *scores, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		best = scores[i] > scores[best] ? i : best;
	return best;
}

bool decision_differs(const struct decision *decision, const float *live, const float *other)
{
	const uint32_t n = decision->n_outputs;

	if (decision->rule == DECISION_LARGEST)
		return decision_largest(live, n) != decision_largest(other, n);
	if (decision->rule == DECISION_SIDE)
		return (live[0] >= decision->threshold) != (other[0] >= decision->threshold);
	for (uint32_t i = 0; i < n; i++)
		if (fabsf(live[i] - other[i]) > decision->allowed[i])
			return true;
	return false;
}
