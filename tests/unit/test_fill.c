// SPDX-License-Identifier: BSD-3-Clause
// Missing values: what is put there, in rows and by a graph.
#include "infer/compile/compile.h"
#include "infer/import/build.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/describe.h"
#include "infer/learn/net/net.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS 5
#define WIDTH  3

static const char *const FEATURES[] = { "seconds", "proto", "bytes" };
static const char *const PROTOCOLS[] = { "icmp", "tcp", "udp" };
static const uint32_t ORDER[] = { 0, 1, 2 };
static const struct model_texts TEXTS[] = {
	{ .feature = 1, .n_texts = 3, .takes_unknown = true, .texts = PROTOCOLS, .order = ORDER },
};
static const float VALUES[N_ROWS][WIDTH] = { { 1, 0, NAN }, { NAN, NAN, 30 }, { 2, 2, 10 },
	{ 10, 1, 50 }, { 3, 0, -7 } };
static uint32_t index_of[] = { 0, 1, 2, 3 }; // the last row is not learnt from

static struct dataset rows_of(const float *values)
{
	return (struct dataset){ .n_rows = N_ROWS,
		.n_features = WIDTH,
		.values = values,
		.feature_names = FEATURES,
		.texts = TEXTS,
		.n_texts = 1,
		.path = "rows.csv" };
}

static void mean_and_median_are_of_what_is_learnt_from(void **state)
{
	const struct dataset set = rows_of(&VALUES[0][0]);
	const struct dataset_part part = { .set = &set, .index = index_of, .n = 4 };
	struct error err;
	float *values;

	(void)state;
	assert_int_equal(fill_learn(&part, FILL_MEAN, &values, &err), 0);
	assert_float_equal(values[0], 13 / 3.0, 1e-6);
	assert_float_equal(values[1], 3, 0); // none of the texts
	assert_float_equal(values[2], 30, 0);
	free(values);
	assert_int_equal(fill_learn(&part, FILL_MEDIAN, &values, &err), 0);
	assert_float_equal(values[0], 2, 0);
	assert_float_equal(values[2], 30, 0);
	free(values);
}

static void a_median_of_two_lies_between(void **state)
{
	const struct dataset set = rows_of(&VALUES[0][0]);
	uint32_t two[] = { 2, 3 };
	const struct dataset_part part = { .set = &set, .index = two, .n = 2 };
	struct error err;
	float *values;

	(void)state;
	assert_int_equal(fill_learn(&part, FILL_MEDIAN, &values, &err), 0);
	assert_float_equal(values[0], 6, 0);
	free(values);
}

static void a_feature_that_no_row_has_is_refused(void **state)
{
	const struct dataset set = rows_of(&VALUES[0][0]);
	uint32_t one[] = { 1 };
	const struct dataset_part part = { .set = &set, .index = one, .n = 1 };
	struct error err;
	float *values;

	(void)state;
	assert_int_equal(fill_learn(&part, FILL_MEDIAN, &values, &err), -EINVAL);
	assert_null(values);
	assert_string_equal(err.text,
		"rows.csv: seconds is missing in all rows that are learnt from, so that it has no "
		"median: --drop leaves it out");
}

static void rows_are_filled_and_as_before(void **state)
{
	static const float FILL[WIDTH] = { 4, 3, 5 };
	float values[N_ROWS][WIDTH];
	struct dataset set = rows_of(&values[0][0]);
	struct fill_places places = { 0 };
	struct error err;

	(void)state;
	memcpy(values, VALUES, sizeof(values));
	assert_int_equal(fill_rows(&set, FILL, &places, &err), 0);
	assert_int_equal(places.n, 3);
	assert_int_equal(places.n_features, 3);
	assert_float_equal(values[0][2], 5, 0);
	assert_float_equal(values[1][0], 4, 0);
	assert_float_equal(values[1][1], 3, 0);
	assert_float_equal(values[4][2], -7, 0);
	fill_undo(&set, &places);
	assert_memory_equal(values, VALUES, sizeof(values));
	fill_places_fini(&places);
}

// y = x doubled.
static struct graph *doubling(void)
{
	struct graph *graph = graph_create();
	struct error err;
	const uint32_t x = build_input(graph, WIDTH, NULL, &err);
	const uint32_t y = build_pair(graph, OP_MUL, x, build_scalar(graph, 2, &err), &err);

	assert_int_not_equal(y, GRAPH_NONE);
	assert_int_equal(build_output(graph, y, &err), 0);
	graph->name = "doubling";
	graph->source_kind = "test";
	return graph;
}

static void a_graph_fills_rows_itself(void **state)
{
	static const float FILL[WIDTH] = { 4, 3, 5 };
	const struct dataset of = rows_of(&VALUES[0][0]);
	const struct compile_rows none = { 0 };
	const struct model_options options = { .no_timing = true };
	struct graph *graph = doubling();
	float y[N_ROWS][WIDTH];
	struct model *model;
	struct error err;
	void *image, *scratch;
	size_t size;
	float code;

	(void)state;
	assert_null(fill_of_graph(graph));
	assert_int_equal(describe_features(graph, &of, &err), 0);
	assert_int_equal(fill_graph(graph, FILL, &err), 0);
	assert_memory_equal(fill_of_graph(graph), FILL, sizeof(FILL));
	assert_int_equal(compile_graph(graph, &none, NULL, &image, &size, NULL, &err), 0);
	assert_int_equal(model_open(image, size, &options, &model, &err), 0);
	assert_true(model_info(model)->accepts_missing);
	assert_string_equal(model_info(model)->feature_names[2], "bytes");
	assert_int_equal(model_text_code(model_info(model), 1, "udp", &code, &err), 1);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, N_ROWS) + 64) / 64 * 64);
	model_score(model, &VALUES[0][0], &y[0][0], N_ROWS, scratch, N_ROWS);
	for (uint32_t r = 0; r < N_ROWS; r++)
		for (uint32_t f = 0; f < WIDTH; f++)
			assert_float_equal(
				y[r][f], 2 * (isnan(VALUES[r][f]) ? FILL[f] : VALUES[r][f]), 0);
	free(scratch);
	model_close(model);
	free(image);
}

// What is trained begins behind the filling, and is put back there.
static void a_network_is_found_behind_it(void **state)
{
	static const float FILL[2] = { 4, 3 };
	const struct net_shape shapes[] = { { .n_out = 3, .bias = true } };
	struct net *net, *found;
	struct graph *graph;
	struct error err;

	(void)state;
	assert_int_equal(net_create(2, 1, shapes, NET_PLAIN, &net, &err), 0);
	net_draw(net, 3);
	assert_int_equal(net_to_graph(net, NULL, &graph, &err), 0);
	assert_int_equal(fill_graph(graph, FILL, &err), 0);
	assert_int_equal(net_from_graph(graph, &found, &err), 0);
	assert_int_equal(found->n_layers, 1);
	assert_memory_equal(found->layers[0].weights, net->layers[0].weights, 6 * sizeof(float));
	assert_int_equal(net_put_back(found, graph, &err), 0);
	assert_memory_equal(fill_of_graph(graph), FILL, sizeof(FILL));
	net_destroy(found);
	net_destroy(net);
	graph_destroy(graph);
}

// A graph that does more with what is missing is no such one.
static void another_use_of_the_input_is_none(void **state)
{
	static const float FILL[WIDTH] = { 4, 3, 5 };
	struct graph *graph = doubling();
	struct error err;

	(void)state;
	assert_int_equal(fill_graph(graph, FILL, &err), 0);
	graph->nodes[2].inputs[0] = graph->inputs[0].tensor;
	assert_null(fill_of_graph(graph));
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mean_and_median_are_of_what_is_learnt_from),
		cmocka_unit_test(a_median_of_two_lies_between),
		cmocka_unit_test(a_feature_that_no_row_has_is_refused),
		cmocka_unit_test(rows_are_filled_and_as_before),
		cmocka_unit_test(a_graph_fills_rows_itself),
		cmocka_unit_test(a_network_is_found_behind_it),
		cmocka_unit_test(another_use_of_the_input_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
