// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/lineage.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <string.h>

static void a_line_says_what_from_how_on_which_rows_and_what_came_of_it(void **state)
{
	uint8_t from[32] = { 0xab, 1 }, rows[32] = { [31] = 0xff };
	const struct lineage_step step = {
		.step = "prune",
		.from = "/home/me/lab.mlt",
		.from_sha256 = from,
		.options = "--method magnitude",
		.rows = "lab.csv",
		.n_rows = 1,
		.rows_sha256 = rows,
		.figures = "F1 0.9 to 0.8",
	};
	struct graph *graph = graph_create();
	struct error err;

	assert_int_equal(lineage_add(graph, &step, &err), 0);
	assert_int_equal(graph->n_lineage, 1);
	assert_string_equal(graph->lineage[0],
		"prune of lab.mlt (SHA-256 "
		"ab01000000000000000000000000000000000000000000000000000000000000) with --method "
		"magnitude, on 1 row of lab.csv (SHA-256 "
		"00000000000000000000000000000000000000000000000000000000000000ff): F1 0.9 to 0.8");
	graph_destroy(graph);
}

static void a_line_is_cleaned_and_cut(void **state)
{
	static char figures[2 * MODEL_LINEAGE_BYTES_MAX];
	const struct lineage_step step = {
		.step = "train", .rows = "a\nb\xff.csv", .n_rows = 2, .figures = figures
	};
	struct graph *graph = graph_create();
	struct error err;

	memset(figures, 'y', sizeof(figures) - 1);
	assert_int_equal(lineage_add(graph, &step, &err), 0);
	assert_int_equal(strlen(graph->lineage[0]), MODEL_LINEAGE_BYTES_MAX);
	assert_int_equal(strncmp(graph->lineage[0], "train, on 2 rows of a?b?.csv: yyy", 33), 0);
	graph_destroy(graph);
}

static void the_257th_step_is_refused(void **state)
{
	const struct lineage_step step = { .step = "prune" };
	struct graph *graph = graph_create();
	struct error err;

	for (int i = 0; i < MODEL_LINEAGE_MAX; i++)
		assert_int_equal(lineage_add(graph, &step, &err), 0);
	assert_int_equal(lineage_add(graph, &step, &err), -EINVAL);
	assert_string_equal(err.text,
		"the model has gone through 256 steps already, more than 256 are not kept");
	assert_int_equal(graph->n_lineage, MODEL_LINEAGE_MAX);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_what_from_how_on_which_rows_and_what_came_of_it),
		cmocka_unit_test(a_line_is_cleaned_and_cut),
		cmocka_unit_test(the_257th_step_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
