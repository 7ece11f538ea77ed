// SPDX-License-Identifier: BSD-3-Clause
// verdict: intervals that hold whenever one looks, and what is advised by them.
#include "ctl/server/compare/verdict.h"

#include "base/random.h"
#include "tests/cmocka.h"

#include <math.h>
#include <string.h>

static const struct verdict_bounds BOUNDS = { .differ = 0.02, .alpha = 0.05, .rows_min = 500 };

static double draw(uint64_t *seed)
{
	return (double)(random_next(seed) >> 11) * 0x1p-53;
}

// Twice the allowed share is found out in all runs, and soon: that is the power.
static void twice_the_share_is_rolled_back_soon(void **state)
{
	uint64_t seed = 19, rows = 0;

	for (int run = 0; run < 200; run++) {
		struct verdict_counts c = { 0 };
		struct verdict v = { .advice = VERDICT_WATCH };

		do {
			c.compared++;
			c.differ += draw(&seed) < 2 * BOUNDS.differ;
			if (c.compared % 20 != 0)
				continue;
			verdict_judge(&c, &BOUNDS, &v);
			assert_true(c.compared < 6000);
		} while (v.advice != VERDICT_ROLL_BACK);
		rows += c.compared;
	}
	assert_true(rows / 200 < 1500);
}

static void advice_and_its_sentence(void **state)
{
	const struct {
		struct verdict_counts counts;
		struct verdict_bounds bounds;
		enum verdict_advice advice;
		const char *why;
	} CASES[] = {
		{ { .compared = 1000 }, BOUNDS, VERDICT_PROMOTE,
			"0 of 1000 rows are decided differently: the share is at most 0.009856, "
			"and "
			"0.02 is allowed" },
		{ { .compared = 400 }, BOUNDS, VERDICT_WATCH,
			"0 of 400 rows are decided differently, which is not yet enough to tell: "
			"about "
			"100 more rows" },
		{ { .compared = 1000, .differ = 100 }, BOUNDS, VERDICT_ROLL_BACK,
			"100 of 1000 rows are decided differently: the share is at least 0.0" },
		{ { .compared = 1000, .measured = 1000, .sum = 500, .sum_of_squares = 300 },
			{ .differ = 0.02, .mean = 0.1, .alpha = 0.05 }, VERDICT_ROLL_BACK,
			"the scores of 1000 rows are on average at least 0.4" },
		{ { .compared = 1000, .timed = 250, .slower = 250 },
			{ .differ = 0.02, .latency = 1.5, .alpha = 0.05 }, VERDICT_ROLL_BACK,
			"250 of 250 batches took longer than 1.5 times live, more than half of "
			"all" },
		{ { .compared = 1000, .differ = 21 }, BOUNDS, VERDICT_WATCH,
			"21 of 1000 rows are decided differently: so far neither within the bounds "
			"nor "
			"beyond them for certain" },
		{ { .compared = 0 }, BOUNDS, VERDICT_WATCH,
			"0 of 0 rows are decided differently, which is not yet enough to tell: "
			"about " },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct verdict v;

		verdict_judge(&CASES[i].counts, &CASES[i].bounds, &v);
		if (v.advice != CASES[i].advice ||
			strncmp(v.why, CASES[i].why, strlen(CASES[i].why)) != 0)
			fail_msg("%zu: %s: %s", i, verdict_advice_name(v.advice), v.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twice_the_share_is_rolled_back_soon),
		cmocka_unit_test(advice_and_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
