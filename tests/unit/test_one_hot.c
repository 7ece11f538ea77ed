// SPDX-License-Identifier: BSD-3-Clause
// Categories as columns: wide rows, and the operators that make the same of a row.
#include "infer/compile/compile.h"
#include "infer/import/build.h"
#include "infer/learn/data/one_hot.h"
#include "infer/learn/describe.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS 5

static const char *const FEATURES[] = { "protocol", "bytes", "flag", "seconds" };
static const char *const PROTOCOLS[] = { "icmp", "tcp", "udp" };
static const char *const FLAGS[] = { "REJ", "SF" };
static const uint32_t ORDER[] = { 0, 1, 2 };
static const struct model_texts TEXTS[] = {
	{ .feature = 0,
		.n_texts = 3,
		.takes_unknown = true,
		.is_category = true,
		.texts = PROTOCOLS,
		.order = ORDER },
	{ .feature = 2,
		.n_texts = 2,
		.takes_unknown = true,
		.is_category = true,
		.texts = FLAGS,
		.order = ORDER },
};
// Row 3's protocol and row 4's flag are texts that nobody knows.
static const float VALUES[N_ROWS][4] = { { 0, 10, 1, 0.5f }, { 1, -20, 0, 0 }, { 2, 30, 1, 7 },
	{ 3, 40, 0, 8 }, { 1, 50, 2, 9 } };
static const float WIDE[N_ROWS][7] = { { 10, 0.5f, 1, 0, 0, 0, 1 }, { -20, 0, 0, 1, 0, 1, 0 },
	{ 30, 7, 0, 0, 1, 0, 1 }, { 40, 8, 0, 0, 0, 1, 0 }, { 50, 9, 0, 1, 0, 0, 0 } };

static struct dataset some_rows(void)
{
	return (struct dataset){ .n_rows = N_ROWS,
		.n_features = 4,
		.values = &VALUES[0][0],
		.feature_names = FEATURES,
		.texts = TEXTS,
		.n_texts = 2,
		.path = "rows.csv" };
}

static void rows_are_widened(void **state)
{
	static const char *const NAMES[] = { "bytes", "seconds", "protocol=icmp", "protocol=tcp",
		"protocol=udp", "flag=REJ", "flag=SF" };
	const struct dataset of = some_rows();
	struct one_hot wide;
	struct error err;

	(void)state;
	assert_int_equal(one_hot_make(&wide, &of, 0, &err), 0);
	assert_int_equal(wide.set.n_features, 7);
	assert_int_equal(wide.set.n_one_hot, 5);
	assert_int_equal(wide.set.n_texts, 0);
	assert_memory_equal(wide.set.values, WIDE, sizeof(WIDE));
	for (uint32_t i = 0; i < 7; i++)
		assert_string_equal(wide.set.feature_names[i], NAMES[i]);
	one_hot_fini(&wide);
}

static void too_many_categories_are_refused(void **state)
{
	struct model_texts many = TEXTS[0];
	struct dataset of = some_rows();
	struct one_hot wide;
	struct error err;

	(void)state;
	many.n_texts = MODEL_FEATURES_MAX;
	of.texts = &many;
	of.n_texts = 1;
	assert_int_equal(one_hot_make(&wide, &of, 0, &err), -EFBIG);
	assert_string_equal(err.text,
		"rows.csv: its categories make 16387 columns, more than 16384: leave the column "
		"with "
		"most of them out, or learn trees");
	one_hot_fini(&wide);
}

// A graph that gives back the columns that it takes, times 2.
static struct graph *doubling(uint32_t n)
{
	struct graph *graph = graph_create();
	struct error err;
	const uint32_t x = build_input(graph, n, NULL, &err);
	const uint32_t y = build_pair(graph, OP_MUL, x, build_scalar(graph, 2, &err), &err);

	assert_int_not_equal(y, GRAPH_NONE);
	assert_int_equal(build_output(graph, y, &err), 0);
	graph->name = "doubling";
	graph->source_kind = "test";
	return graph;
}

static void a_graph_takes_rows_as_they_were(void **state)
{
	const struct dataset of = some_rows();
	const struct compile_rows none = { 0 };
	const struct model_options options = { .no_timing = true };
	struct graph *graph = doubling(7);
	float y[N_ROWS][7], known;
	struct model *model;
	struct error err;
	void *image, *scratch;
	size_t size;

	(void)state;
	assert_int_equal(one_hot_graph(graph, &of, &err), 0);
	assert_int_equal(compile_graph(graph, &none, NULL, &image, &size, NULL, &err), 0);
	assert_int_equal(model_open(image, size, &options, &model, &err), 0);
	assert_int_equal(model_info(model)->n_features, 4);
	assert_string_equal(model_info(model)->feature_names[3], "seconds");
	assert_int_equal(model_text_code(model_info(model), 0, "udp", &known, &err), 1);
	assert_float_equal(known, 2, 0);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, N_ROWS) + 64) / 64 * 64);
	model_score(model, &VALUES[0][0], &y[0][0], N_ROWS, scratch, N_ROWS);
	for (uint32_t r = 0; r < N_ROWS; r++)
		for (uint32_t i = 0; i < 7; i++)
			assert_float_equal(y[r][i], 2 * WIDE[r][i], 0);
	free(scratch);
	model_close(model);
	free(image);
}

static void only_categories(void **state)
{
	static const char *const NAME[] = { "protocol" };
	static const float ROWS[2] = { 2, 0 };
	const struct compile_rows none = { 0 };
	const struct model_options options = { .no_timing = true };
	const struct dataset of = { .n_rows = 2,
		.n_features = 1,
		.values = ROWS,
		.feature_names = NAME,
		.texts = TEXTS,
		.n_texts = 1,
		.path = "rows.csv" };
	struct graph *graph = doubling(3);
	struct model *model;
	struct error err;
	void *image, *scratch;
	float y[2][3];
	size_t size;

	(void)state;
	assert_int_equal(one_hot_graph(graph, &of, &err), 0);
	assert_int_equal(compile_graph(graph, &none, NULL, &image, &size, NULL, &err), 0);
	assert_int_equal(model_open(image, size, &options, &model, &err), 0);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 2) + 64) / 64 * 64);
	model_score(model, ROWS, &y[0][0], 2, scratch, 2);
	assert_memory_equal(y, ((float[2][3]){ { 0, 0, 2 }, { 2, 0, 0 } }), sizeof(y));
	free(scratch);
	model_close(model);
	free(image);
}

static void another_width_is_refused(void **state)
{
	const struct dataset of = some_rows();
	struct graph *graph = doubling(6);
	struct error err;

	(void)state;
	assert_int_equal(one_hot_graph(graph, &of, &err), -EINVAL);
	assert_string_equal(err.text, "the model takes 6 columns, should be 7");
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_widened),
		cmocka_unit_test(too_many_categories_are_refused),
		cmocka_unit_test(a_graph_takes_rows_as_they_were),
		cmocka_unit_test(only_categories),
		cmocka_unit_test(another_width_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
