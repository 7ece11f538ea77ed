// SPDX-License-Identifier: BSD-3-Clause
// Figures of decisions, probabilities, orders and numbers, by hand where they are easily said. That they are
// scikit-learn's on many more, tests/smoke/metrics_sklearn.py shows.
#include "infer/learn/judge/judge.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>

#define CLOSE 1e-12

static void decisions_of_three_classes(void **state)
{
	const int32_t truth[] = { 0, 0, 1, 1, 1, 3 }, predicted[] = { 0, 1, 1, 1, 0, 0 };
	const double weights[] = { 1, 1, 1, 1, 2, 2 };
	struct metrics_class classes[5];
	struct metrics_decided decided = metrics_decide(truth, predicted, NULL, 6, classes, 5);
	double cells[25];

	assert_float_equal(decided.accuracy, 0.5, CLOSE);
	assert_int_equal(decided.n_classes, 3); // 2 and 4 occur nowhere
	assert_float_equal(classes[1].precision, 2.0 / 3, CLOSE);
	assert_float_equal(classes[1].recall, 2.0 / 3, CLOSE);
	assert_float_equal(classes[3].precision, 0, 0); // nothing was decided to be
	assert_float_equal(classes[3].recall, 0, 0);
	assert_float_equal(classes[3].f1, 0, 0);
	assert_float_equal(decided.macro.recall, (0.5 + 2.0 / 3) / 3, CLOSE);
	assert_float_equal(decided.weighted.recall, 0.5, CLOSE); // which is the accuracy
	decided = metrics_decide(truth, predicted, weights, 6, classes, 5);
	assert_float_equal(decided.accuracy, 3.0 / 8, CLOSE);
	metrics_confuse(truth, predicted, weights, 6, cells, 5);
	assert_float_equal(cells[1 * 5 + 0], 2, 0);
	assert_float_equal(cells[3 * 5 + 0], 2, 0);
	assert_float_equal(cells[3 * 5 + 3], 0, 0);
}

static void rows_that_count_nothing_are_not_there(void **state)
{
	const int32_t truth[] = { 0, 1, 2 }, predicted[] = { 0, 1, 1 };
	const double weights[] = { 1, 1, 0 };
	struct metrics_class classes[3];
	const struct metrics_decided decided =
		metrics_decide(truth, predicted, weights, 3, classes, 3);

	assert_float_equal(decided.accuracy, 1, 0);
	assert_float_equal(decided.macro.f1, 1, 0);
	assert_int_equal(decided.n_classes, 2);
	assert_true(isnan(metrics_decide(truth, predicted, NULL, 0, classes, 3).accuracy));
}

static void losses_of_probabilities(void **state)
{
	const float sure[] = { 0, 1 }, even[] = { 0.5f, 0.5f }, half = 0.5f, none = 0;

	assert_float_equal(metrics_log_loss(even, 2, 1), log(2), CLOSE);
	assert_float_equal(metrics_log_loss(&half, 1, 0), log(2), CLOSE);
	assert_float_equal(metrics_log_loss(sure, 2, 1), 0, 1e-15);
	assert_float_equal(metrics_log_loss(sure, 2, 0), -log(2.220446049250313e-16), 1e-9);
	assert_float_equal(metrics_log_loss(&none, 1, 1), -log(2.220446049250313e-16), 1e-9);
	assert_float_equal(metrics_brier(even, 2, 0), 0.5, CLOSE);
	assert_float_equal(metrics_brier(&half, 1, 0), 0.25, CLOSE);
	assert_float_equal(metrics_brier(sure, 2, 0), 2, CLOSE);
}

static void calibration_by_bins(void **state)
{
	const double confidence[] = { 0, 0.05, 0.1, 0.95, 1 };
	const uint8_t right[] = { 0, 0, 1, 1, 0 };
	struct metrics_bin bins[10];
	const double error = metrics_calibrate(confidence, right, NULL, 5, bins, 10);

	assert_float_equal(bins[0].weight, 3, 0); // 0.1 belongs to the one below
	assert_float_equal(bins[0].confidence, 0.05, CLOSE);
	assert_float_equal(bins[0].right, 1.0 / 3, CLOSE);
	assert_float_equal(bins[9].weight, 2, 0);
	assert_float_equal(bins[5].confidence, 0, 0);
	assert_float_equal(error, (3 * (1.0 / 3 - 0.05) + 2 * (0.975 - 0.5)) / 5, CLOSE);
}

static void regression_and_its_edges(void **state)
{
	const float truth[] = { 1, 2, 4 }, foreseen[] = { 1, 3, 2 }, same[] = { 3, 3, 3 };
	struct metrics_regression figures = metrics_regress(truth, foreseen, NULL, 3);

	assert_float_equal(figures.mae, 1, CLOSE);
	assert_float_equal(figures.rmse, sqrt(5.0 / 3), CLOSE);
	assert_float_equal(figures.r2, 1 - 5 / (14.0 / 3), CLOSE);
	assert_float_equal(metrics_regress(same, same, NULL, 3).r2, 1, 0);
	assert_float_equal(metrics_regress(same, truth, NULL, 3).r2, 0, 0);
	assert_true(isnan(metrics_regress(truth, foreseen, NULL, 1).r2));
}

static struct ranking rank(const double *scores, const int32_t *truth, size_t n)
{
	struct ranking ranking;
	struct error err;

	assert_int_equal(ranking_make(scores, truth, 1, n, &ranking, &err), 0);
	return ranking;
}

static void ranking_with_ties(void **state)
{
	const double scores[] = { 0.8, 0.4, 0.4, 0.2, -0.0, 0.0 };
	const int32_t truth[] = { 1, 1, 0, 0, 1, 0 };
	struct ranking ranking = rank(scores, truth, 6);
	const struct ranking_figures figures = ranking_judge(&ranking, NULL, 0.001);
	struct ranking_point *points;
	struct error err;
	size_t n;

	// Of nine pairs 5 are in order and 2 are even: (0.8: 3) + (0.4: 1.5 + 1... 0.4 with 0.4, 0.2, 0) + (0: 0.5).
	assert_float_equal(figures.roc_auc, (3 + 2.5 + 0.5) / 9, CLOSE);
	assert_float_equal(figures.pr_auc, (1 + 2.0 / 3 + 3.0 / 6) / 3, CLOSE);
	assert_float_equal(figures.recall_at_fpr, 1.0 / 3, CLOSE);
	assert_float_equal(figures.eer, 1.0 / 3, CLOSE);
	assert_int_equal(ranking_points(&ranking, NULL, &points, &n, &err), 0);
	assert_int_equal(n, 5); // none, 0.8, 0.4, 0.2, 0
	assert_true(points[0].threshold > 0.8 && points[0].hits == 0);
	assert_float_equal(points[4].hits + points[4].false_alarms, 6, 0);
	assert_float_equal(ranking_best_f1(points, n)->threshold, 0.4, 0);
	assert_float_equal(ranking_within_fpr(points, n, 0)->threshold, 0.8, 0);
	assert_float_equal(ranking_within_fpr(points, n, 0.34)->threshold, 0.4, 0);
	assert_float_equal(ranking_within_fpr(points, n, 1)->threshold, 0, 0);
	assert_float_equal(ranking_cheapest(points, n, 10, 1)->threshold, 0.8, 0);
	assert_float_equal(ranking_cheapest(points, n, 1, 10)->threshold, 0, 0);
	assert_true(ranking_cheapest(points, n, 1, 0) == points); // decide nothing
	free(points);
	ranking_fini(&ranking);
}

static void ranking_of_one_class_is_not_defined(void **state)
{
	const double scores[] = { 2, 1 };
	const int32_t all[] = { 1, 1 }, none[] = { 0, 0 };
	struct ranking ranking = rank(scores, all, 2);
	struct ranking_figures figures = ranking_judge(&ranking, NULL, 0.001);

	assert_true(isnan(figures.roc_auc) && isnan(figures.eer) && isnan(figures.recall_at_fpr));
	assert_float_equal(figures.pr_auc, 1, 0);
	ranking.truth = none;
	figures = ranking_judge(&ranking, NULL, 0.001);
	assert_true(isnan(figures.roc_auc) && isnan(figures.pr_auc) && isnan(figures.eer));
	ranking_fini(&ranking);
}

static void ranking_of_all_equal_scores_is_even(void **state)
{
	const double scores[] = { 7, 7, 7, 7 };
	const int32_t truth[] = { 1, 0, 0, 0 };
	struct ranking ranking = rank(scores, truth, 4);
	const struct ranking_figures figures = ranking_judge(&ranking, NULL, 0.001);

	assert_float_equal(figures.roc_auc, 0.5, CLOSE);
	assert_float_equal(figures.pr_auc, 0.25, CLOSE);
	assert_float_equal(figures.eer, 0.5, CLOSE);
	assert_float_equal(figures.recall_at_fpr, 0, 0);
	ranking_fini(&ranking);
}

static void intervals_are_percentiles(void **state)
{
	const double values[] = { 5, 0, 1, 0, NAN, 0, 3, 0, 2, 0, 4, 0 };
	const double ones[] = { 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 };
	struct error err;
	double low, high;

	assert_int_equal(judge_interval(values, NULL, 6, 2, 0.8, &low, &high, &err), 0);
	assert_float_equal(low, 1.4, CLOSE);
	assert_float_equal(high, 4.6, CLOSE);
	assert_int_equal(judge_interval(values, ones, 6, 2, 0.8, &low, &high, &err), 0);
	assert_float_equal(low, 0.4, CLOSE);
	assert_int_equal(judge_interval(values, NULL, 1, 2, 0.8, &low, &high, &err), 0);
	assert_true(isnan(low) && isnan(high));
}

static void bootstrap_is_of_its_seed(void **state)
{
	float truth[40], foreseen[40];
	struct judged judged = { .n = 40, .numbers = truth, .foreseen = foreseen };
	double one[50][FIGURES], again[50][FIGURES], other[50][FIGURES], low, high;
	struct error err;
	int differ = 0;

	for (int i = 0; i < 40; i++) {
		truth[i] = (float)i;
		foreseen[i] = (float)(i + i % 5);
	}
	assert_int_equal(judge_bootstrap(&judged, 50, 1, NULL, &one[0][0], &err), 0);
	assert_int_equal(judge_bootstrap(&judged, 50, 1, NULL, &again[0][0], &err), 0);
	assert_int_equal(judge_bootstrap(&judged, 50, 2, NULL, &other[0][0], &err), 0);
	for (int s = 0; s < 50; s++) {
		assert_true(one[s][FIGURE_MAE] == again[s][FIGURE_MAE]);
		differ += one[s][FIGURE_MAE] != other[s][FIGURE_MAE];
		assert_true(isnan(one[s][FIGURE_ACCURACY]));
	}
	assert_true(differ > 25);
	assert_int_equal(
		judge_interval(&one[0][FIGURE_MAE], NULL, 50, FIGURES, 0.95, &low, &high, &err), 0);
	assert_true(low < 2 && 2 < high && low > 1 && high < 3); // the mean of 0 to 4
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions_of_three_classes),
		cmocka_unit_test(rows_that_count_nothing_are_not_there),
		cmocka_unit_test(losses_of_probabilities),
		cmocka_unit_test(calibration_by_bins),
		cmocka_unit_test(regression_and_its_edges),
		cmocka_unit_test(ranking_with_ties),
		cmocka_unit_test(ranking_of_one_class_is_not_defined),
		cmocka_unit_test(ranking_of_all_equal_scores_is_even),
		cmocka_unit_test(intervals_are_percentiles),
		cmocka_unit_test(bootstrap_is_of_its_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
