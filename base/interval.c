// SPDX-License-Identifier: BSD-3-Clause
#include "base/interval.h"

#include <float.h>
#include <math.h>

#define MEAN_LEAST 30     // values before the limit is believed
#define MEAN_TIGHT 1000.0 // values at which the interval of a mean is tightest
#define BISECTIONS 60

// What M(p) of interval_share() is made of, as logarithms.
struct mixture {
	double hits, misses, log_beta;
};

static double mixture_log(const struct mixture *m, double p)
{
	// Where nothing was seen, its logarithm weighs nothing, whatever p is.
	return m->log_beta - (m->hits > 0 ? m->hits * log(fmax(p, DBL_MIN)) : 0) -
		(m->misses > 0 ? m->misses * log1p(-p) : 0);
}

// Where M crosses 1 / alpha between `inside`, where it lies below, and `outside`.
static double mixture_crossing(const struct mixture *m, double limit, double inside, double outside)
{
	if (mixture_log(m, outside) < limit)
		return outside;
	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (inside + outside) / 2;

		if (mixture_log(m, middle) < limit)
			inside = middle;
		else
			outside = middle;
	}
	return outside;
}

struct interval interval_share(uint64_t hits, uint64_t n, double alpha)
{
	const double limit = -log(alpha), h = (double)hits, misses = (double)(n - hits);
	const struct mixture m = { h, misses,
		lgamma(h + 1) + lgamma(misses + 1) - lgamma(h + misses + 2) };
	struct interval interval = { 0, 1 };

	if (n == 0)
		return interval;
	// M is least at hits / n, where it is at most 1.
	interval.low = hits > 0 ? mixture_crossing(&m, limit, h / (h + misses), 0) : 0;
	interval.high = hits < n ? mixture_crossing(&m, limit, h / (h + misses), 1) : 1;
	return interval;
}

struct interval interval_mean(uint64_t n, double sum, double sum_of_squares, double alpha)
{
	const double log_alpha = -log(alpha);
	// Tightest at MEAN_TIGHT values, as its appendix B has it.
	const double rho2 = (2 * log_alpha + log(2 * log_alpha + 1)) / MEAN_TIGHT;
	const double count = (double)n, mean = n ? sum / count : 0;
	double variance, half;

	if (n < MEAN_LEAST)
		return (struct interval){ -INFINITY, INFINITY };
	variance = fmax(0, sum_of_squares / count - mean * mean);
	half = sqrt(variance) *
		sqrt(2 * (count * rho2 + 1) / (count * count * rho2) *
			(0.5 * log(count * rho2 + 1) + log_alpha));
	return (struct interval){ mean - half, mean + half };
}
