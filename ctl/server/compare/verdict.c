// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/compare/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define ROWS_FORESEEN (UINT64_C(1) << 40)

const char *verdict_advice_name(enum verdict_advice advice)
{
	return advice == VERDICT_PROMOTE  ? "promote"
		: advice == VERDICT_WATCH ? "keep watching"
					  : "roll back";
}

const char *verdict_reason_name(enum verdict_reason reason)
{
	return reason == VERDICT_DIFFER ? "differ" : reason == VERDICT_MEAN ? "mean" : "latency";
}

static void verdict_roll_back(const struct verdict_counts *c, const struct verdict_bounds *b,
	struct verdict *v, bool differ, bool mean)
{
	v->advice = VERDICT_ROLL_BACK;
	v->reason = differ ? VERDICT_DIFFER : mean ? VERDICT_MEAN : VERDICT_SLOW;
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
		interval_share((uint64_t)(share * (double)n), n, b->alpha).high > b->differ)
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
		.share = interval_share(c->differ, c->compared, b->alpha),
		.mean = interval_mean(c->measured, c->sum, c->sum_of_squares, b->alpha),
		.slow = interval_share(c->slower, c->timed, b->alpha),
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
