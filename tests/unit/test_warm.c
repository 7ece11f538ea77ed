// SPDX-License-Identifier: BSD-3-Clause
// The first rows of a model, before anybody asks it: what cannot score is refused with a sentence.
#include "tests/cmocka.h"
#include "tests/unit/stand_in_model.h"

// Under test, calling the stand-in model.
#include "ctl/server/operations/warm.c"

static struct error err;

// What warm_model() says of a model, which is closed.
static int warm(struct model *model)
{
	const int rc = warm_model(model, &err);

	free(model);
	return rc;
}

static struct model *without_golden_rows(float mark)
{
	struct model *model = stand_in_model(41, 3, mark);

	model->info.n_golden = 0;
	return model;
}

static void golden_rows_are_compared_where_there_are_any(void **state)
{
	struct model *model = stand_in_model(41, 3, 1);

	stand_in_score_calls = 0;
	model->golden_fails = true;
	assert_int_equal(warm(model), -EINVAL);
	assert_non_null(strstr(err.text, "golden row 0 differs"));
	assert_int_equal(warm(stand_in_model(41, 3, 1)), 0);
	assert_int_equal(stand_in_score_calls, 0);
}

static void a_model_without_them_scores_three_rows(void **state)
{
	stand_in_score_calls = 0;
	stand_in_longest_call = 0;
	assert_int_equal(warm(without_golden_rows(1)), 0);
	assert_int_equal(stand_in_score_calls, 1);
	assert_int_equal(stand_in_longest_call, 3);
}

static void one_that_never_has_a_finite_score_is_refused(void **state)
{
	const float never[] = { NAN, INFINITY, -INFINITY };

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		assert_int_equal(warm(without_golden_rows(never[i])), -EINVAL);
		assert_non_null(strstr(err.text, "no finite score"));
		assert_non_null(strstr(err.text, "of a row of halves"));
	}
}

// Half of a reference's rows lie below the edge that is scored.
static void the_middle_of_the_reference_is_what_is_usual(void **state)
{
	static uint64_t counts[] = { 1, 1, 7, 1, 0 };
	static float edges[] = { 2, 3, 5 };
	static uint32_t first[] = { 0, 5 };
	struct drift_reference reference = {
		.n_columns = 1,
		.n_rows = 10,
		.first = first,
		.edges = edges,
		.counts = counts,
	};

	assert_float_equal(warm_usual(&reference, 0), 5, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_rows_are_compared_where_there_are_any),
		cmocka_unit_test(a_model_without_them_scores_three_rows),
		cmocka_unit_test(one_that_never_has_a_finite_score_is_refused),
		cmocka_unit_test(the_middle_of_the_reference_is_what_is_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
