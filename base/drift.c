// SPDX-License-Identifier: BSD-3-Clause
#include "base/drift.h"

#include <math.h>

uint32_t drift_bin(const struct drift_reference *reference, uint32_t column, float value)
{
	const float *edges = drift_edges(reference, column);
	uint32_t low = 0, high = drift_n_counts(reference, column) - 2;

	if (isnan(value))
		return high + 1;
	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (value <= edges[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

// The share of a bin; `other` is the other side's.
static double drift_share(uint64_t count, uint64_t all, double other)
{
	if (count > 0)
		return (double)count / (double)all;
	return fmin(0.5 / (double)all, other);
}

struct drift_psi drift_psi(const uint64_t *reference, const uint64_t *live, uint32_t n_counts)
{
	struct drift_psi psi = { 0 };
	double chance;

	for (uint32_t b = 0; b < n_counts; b++) {
		psi.n_reference += reference[b];
		psi.n_live += live[b];
	}
	if (psi.n_reference == 0 || psi.n_live == 0)
		return psi;
	for (uint32_t b = 0; b < n_counts; b++) {
		const double r = (double)reference[b] / (double)psi.n_reference,
			     l = (double)live[b] / (double)psi.n_live;

		if (reference[b] == 0 && live[b] == 0)
			continue;
		const double p = drift_share(reference[b], psi.n_reference, l),
			     q = drift_share(live[b], psi.n_live, r);

		psi.n_bins++;
		psi.psi += (q - p) * log(q / p);
	}
	chance = 1 / (double)psi.n_reference + 1 / (double)psi.n_live;
	psi.expected = (psi.n_bins - 1) * chance;
	psi.limit = psi.expected + 4 * sqrt(2.0 * (psi.n_bins - 1)) * chance;
	return psi;
}

enum drift_reading drift_read(const struct drift_psi *psi)
{
	if (psi->n_live == 0 || psi->n_reference == 0)
		return DRIFT_NO_ROWS;
	if (psi->psi < DRIFT_PSI_MODERATE)
		return DRIFT_STABLE;
	if (psi->psi <= psi->limit || psi->n_live < (uint64_t)DRIFT_BIN_ROWS * psi->n_bins ||
		psi->n_reference < (uint64_t)DRIFT_BIN_ROWS * psi->n_bins)
		return DRIFT_FEW_ROWS;
	return psi->psi < DRIFT_PSI_LARGE ? DRIFT_MODERATE : DRIFT_LARGE;
}

const char *drift_reading_name(enum drift_reading reading)
{
	static const char *const NAMES[] = {
		[DRIFT_NO_ROWS] = "no rows",
		[DRIFT_FEW_ROWS] = "too few rows",
		[DRIFT_STABLE] = "stable",
		[DRIFT_MODERATE] = "moderate",
		[DRIFT_LARGE] = "large",
	};

	return NAMES[reading];
}
