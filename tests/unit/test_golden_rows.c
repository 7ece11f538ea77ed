// SPDX-License-Identifier: BSD-3-Clause
#include "base/align.h"
#include "infer/compile/golden_rows.h"
#include "infer/infer.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>

#define ROWS   999
#define WANTED 16

// Between how many of all rows' margins and 0 is this row's?
static uint32_t rank(const float *scores, float margin)
{
	uint32_t closer = 0;

	for (uint32_t r = 0; r < ROWS; r++)
		closer += fabsf(scores[2 * r] - scores[2 * r + 1]) < margin;
	return closer;
}

static void every_second_row_is_one_of_the_closest(void **state)
{
	const struct model_options options = { .no_timing = true };
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 2 }, true, 1);
	static float rows[ROWS][2], scores[ROWS][2], chosen[WANTED][2], of_chosen[WANTED][2];
	struct golden_rows golden = { .rows = &chosen[0][0], .count_max = WANTED };
	struct error err = { .text = "" };
	struct model *model;
	void *scratch;

	assert_int_equal(graph_check(graph, &err), 0);
	assert_int_equal(model_build(graph, 0, &options, &model, &err), 0);
	for (int r = 0; r < ROWS; r++) {
		rows[r][0] = (float)(r * 37 % ROWS) / ROWS * 8 - 4;
		rows[r][1] = (float)(r * 101 % ROWS) / ROWS * 8 - 4;
	}
	rows[5][0] = NAN; // is no golden row, however close
	scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, ROWS), 64));
	model_score(model, &rows[0][0], &scores[0][0], ROWS, scratch, ROWS);
	scores[5][0] = 9;
	scores[5][1] = 0;
	golden_rows_choose(&golden, 2, &rows[0][0], ROWS, WANTED);
	assert_int_equal(golden.count, WANTED);
	assert_int_equal(golden_rows_closest(graph, model, &golden, &rows[0][0], ROWS, &err), 0);
	assert_int_equal(golden.count, WANTED);
	model_score(model, &chosen[0][0], &of_chosen[0][0], WANTED, scratch, ROWS);
	for (uint32_t i = 0; i < WANTED; i += 2)
		assert_true(rank(&scores[0][0], fabsf(of_chosen[i][0] - of_chosen[i][1])) <= i / 2);
	// The others stay spread over all rows.
	assert_true(rank(&scores[0][0], fabsf(of_chosen[1][0] - of_chosen[1][1])) > WANTED);
	free(scratch);
	model_close(model);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_second_row_is_one_of_the_closest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
