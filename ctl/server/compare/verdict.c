// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/compare/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define MEAN_LEAST    30     // values before the limit is believed
#define MEAN_TIGHT    1000.0 // values at which the interval of a mean is tightest
#define BISECTIONS    60
#define ROWS_FORESEEN (UINT64_C(1) << 40)

// log M(p) of verdict_share().
static double verdict_log_mixture(double hits, double misses, double p)
{
	double log_beta = lgamma(hits + 1) + lgamma(misses + 1) - lgamma(hits + misses + 2);

	// Where nothing was seen, its logarithm weighs nothing, whatever p is.
	return log_beta - (hits > 0 ? hits * log(p) : 0) - (misses > 0 ? misses * log1p(-p) : 0);
}

// Where M crosses 1 / alpha between `inside`, where it lies below, and `outside`.
static double verdict_crossing(
	double hits, double misses, double limit, double inside, double outside)
{
	if (verdict_log_mixture(hits, misses, outside) < limit)
		return outside;
	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (inside + outside) / 2;

		if (verdict_log_mixture(hits, misses, middle) < limit)
			inside = middle;
		else
			outside = middle;
	}
	return outside;
}

struct verdict_interval verdict_share(uint64_t hits, uint64_t n, double alpha)
{
	const double limit = -log(alpha), h = (double)hits, m = (double)(n - hits);
	struct verdict_interval interval = { 0, 1 };

	if (n == 0)
		return interval;
	// M is least at hits / n, where it is at most 1.
	interval.low = hits > 0 ? verdict_crossing(h, m, limit, h / (h + m), 0) : 0;
	interval.high = hits < n ? verdict_crossing(h, m, limit, h / (h + m), 1) : 1;
	return interval;
}

struct verdict_interval verdict_mean(uint64_t n, double sum, double sum_of_squares, double alpha)
{
	const double log_alpha = -log(alpha);
	// Tightest at MEAN_TIGHT values, as its appendix B has it.
	const double rho2 = (2 * log_alpha + log(2 * log_alpha + 1)) / MEAN_TIGHT;
	const double count = (double)n, mean = n ? sum / count : 0;
	double variance, half;

	if (n < MEAN_LEAST)
		return (struct verdict_interval){ -INFINITY, INFINITY };
	variance = fmax(0, sum_of_squares / count - mean * mean);
	half = sqrt(variance) *
		sqrt(2 * (count * rho2 + 1) / (count * count * rho2) *
			(0.5 * log(count * rho2 + 1) + log_alpha));
	return (struct verdict_interval){ mean - half, mean + half };
}

const char *verdict_advice_name(enum verdict_advice advice)
{
	return advice == VERDICT_PROMOTE  ? "promote"
		: advice == VERDICT_WATCH ? "keep watching"
					  : "roll back";
}

static void verdict_roll_back(const struct verdict_counts *c, const struct verdict_bounds *b,
	struct verdict *v, bool differ, bool mean)
{
	v->advice = VERDICT_ROLL_BACK;
	if (differ)
		snprintf(v->why, sizeof(v->why),
			"%" PRIu64 " of %" PRIu64
			" rows are decided differently: the share is at "
			"least %.4g, and %.4g is allowed",
			c->differ, c->compared, v->share.low, b->differ);
	else if (mean)
		snprintf(v->why, sizeof(v->why),
			"the scores of %" PRIu64
			" rows are on average at least %.4g away from "
			"live's, and %.4g is allowed",
			c->measured, v->mean.low, b->mean);
	else
		snprintf(v->why, sizeof(v->why),
			"%" PRIu64 " of %" PRIu64
			" batches took longer than %.4g times live, more "
			"than half of all",
			c->slower, c->timed, b->latency);
}

// About how many more rows it takes until a share like that so far is known to be within the bound.
static uint64_t verdict_rows_to_go(const struct verdict_counts *c, const struct verdict_bounds *b)
{
	const double share = c->compared ? (double)c->differ / (double)c->compared : 0;
	uint64_t n = c->compared > b->rows_min ? c->compared : b->rows_min;

	n = n ? n : 1;
	if (share >= b->differ)
		return 0;
	while (n < ROWS_FORESEEN &&
		verdict_share((uint64_t)(share * (double)n), n, b->alpha).high > b->differ)
		n += n / 16 + 1;
	return n >= ROWS_FORESEEN ? 0 : n - c->compared;
}

static void verdict_watch(
	const struct verdict_counts *c, const struct verdict_bounds *b, struct verdict *v)
{
	v->advice = VERDICT_WATCH;
	v->rows_to_go = verdict_rows_to_go(c, b);
	if (v->rows_to_go > 0)
		snprintf(v->why, sizeof(v->why),
			"%" PRIu64 " of %" PRIu64
			" rows are decided differently, which is not yet "
			"enough to tell: about %" PRIu64 " more rows",
			c->differ, c->compared, v->rows_to_go);
	else
		snprintf(v->why, sizeof(v->why),
			"%" PRIu64 " of %" PRIu64
			" rows are decided differently: so far neither "
			"within the bounds nor beyond them for certain",
			c->differ, c->compared);
}

void verdict_judge(
	const struct verdict_counts *c, const struct verdict_bounds *b, struct verdict *v)
{
	bool differ, mean, slow;

	*v = (struct verdict){
		.share = verdict_share(c->differ, c->compared, b->alpha),
		.mean = verdict_mean(c->measured, c->sum, c->sum_of_squares, b->alpha),
		.slow = verdict_share(c->slower, c->timed, b->alpha),
	};
	differ = v->share.low > b->differ;
	mean = b->mean > 0 && v->mean.low > b->mean;
	slow = b->latency > 0 && v->slow.low > 0.5;
	if (differ || mean || slow) {
		verdict_roll_back(c, b, v, differ, mean);
		return;
	}
	if (c->compared < b->rows_min || v->share.high > b->differ ||
		(b->mean > 0 && v->mean.high > b->mean) || (b->latency > 0 && v->slow.high > 0.5)) {
		verdict_watch(c, b, v);
		return;
	}
	v->advice = VERDICT_PROMOTE;
	snprintf(v->why, sizeof(v->why),
		"%" PRIu64 " of %" PRIu64
		" rows are decided differently: the share is at most %.4g, and "
		"%.4g is allowed",
		c->differ, c->compared, v->share.high, b->differ);
}
