// SPDX-License-Identifier: BSD-3-Clause
// When two versions decide differently: by the labels that there are, at ties and thresholds, and of scores that
// are not finite.
#include "base/decision.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stddef.h>

// Outputs beside the scores of classes are no classes.
static void the_rule_goes_by_labels_and_outputs(void **state)
{
	static const struct {
		uint32_t n_labels, n_outputs;
		enum decision_rule rule;
	} CASES[] = { { 3, 3, DECISION_LARGEST }, { 2, 2, DECISION_LARGEST },
		{ 2, 1, DECISION_SIDE }, { 0, 1, DECISION_WITHIN }, { 0, 3, DECISION_WITHIN },
		{ 2, 3, DECISION_WITHIN }, { 3, 1, DECISION_WITHIN }, { 1, 1, DECISION_WITHIN } };

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(
			decision_rule_of(CASES[i].n_labels, CASES[i].n_outputs), CASES[i].rule);
}

static void ties_and_thresholds(void **state)
{
	const struct decision largest = { DECISION_LARGEST, 3, 0, NULL };
	const struct decision side = { DECISION_SIDE, 1, 100, NULL };
	const float tie[] = { 1, 2, 2 }, first[] = { 1, 3, 2 }, last[] = { 1, 2, 3 };
	const float at[] = { 100 }, below[] = { 99.99f }, above[] = { 101 };

	assert_false(decision_differs(&largest, tie, first));
	assert_true(decision_differs(&largest, tie, last));
	assert_int_equal(decision_largest(tie, 3), 1);
	assert_false(decision_differs(&side, at, above));
	assert_true(decision_differs(&side, at, below));
}

static void what_is_allowed_is_a_share_of_the_golden_spread(void **state)
{
	// Columns: 10 apart, all alike, further apart than a float holds.
	const float golden[] = { 5, 7, -3e38f, 15, 7, 3e38f, 9, 7, 0 };
	float allowed[3];
	const struct decision within = { DECISION_WITHIN, 3, 0, allowed };
	const float a[] = { 0, 0, 0 }, near[] = { 0.09f, -0.01f, 0.01f },
		    apart[] = { 0.101f, 0, 0 }, last[] = { 0, 0, 0.011f };

	decision_allow(golden, 3, 3, 0.01f, allowed);
	assert_float_equal(allowed[0], 0.1f, 0);
	assert_float_equal(allowed[1], 0.01f, 0);
	assert_float_equal(allowed[2], 0.01f, 0);
	assert_false(decision_differs(&within, a, near));
	assert_true(decision_differs(&within, a, apart));
	assert_true(decision_differs(&within, a, last));
	decision_allow(NULL, 0, 3, 0.5f, allowed);
	assert_float_equal(allowed[0], 0.5f, 0);
}

static void scores_that_are_not_finite_have_no_distance(void **state)
{
	const float a[] = { 1, 2 }, b[] = { 1, -1 }, nan[] = { NAN, 2 }, inf[] = { 1, INFINITY };
	double distance;
	bool only_one;

	assert_true(decision_distance(a, b, 2, &distance, &only_one));
	assert_true(distance == 3 && !only_one);
	assert_false(decision_distance(a, nan, 2, &distance, &only_one));
	assert_true(only_one);
	assert_false(decision_distance(inf, a, 2, &distance, &only_one));
	assert_true(only_one);
	assert_false(decision_distance(inf, nan, 2, &distance, &only_one));
	assert_false(only_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_goes_by_labels_and_outputs),
		cmocka_unit_test(ties_and_thresholds),
		cmocka_unit_test(what_is_allowed_is_a_share_of_the_golden_spread),
		cmocka_unit_test(scores_that_are_not_finite_have_no_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
