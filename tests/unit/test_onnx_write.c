// SPDX-License-Identifier: BSD-3-Clause
// What is written as ONNX scores, read again, as the graph did.
#include "infer/compile/compile.h"
#include "infer/export/onnx/write.h"
#include "infer/import/build.h"
#include "infer/learn/net/net.h"
#include "infer/learn/net/recurrent.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 9
#define IN   12

static struct model *opened(void *image, size_t size)
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	struct error err;

	if (model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	return model;
}

static void score(struct model *model, const float *rows, float *y)
{
	void *scratch = aligned_alloc(64, (model_scratch_bytes(model, ROWS) + 127) / 64 * 64);

	assert_non_null(scratch);
	model_score(model, rows, y, ROWS, scratch, ROWS);
	free(scratch);
	model_close(model);
}

// Destroys the graph.
static void written_and_read(struct graph *graph)
{
	const uint32_t n = graph->n_columns_out;
	float rows[ROWS * IN], *y = calloc(2 * ROWS * n, sizeof(*y));
	void *bytes, *image;
	struct error err;
	size_t size, image_size;
	unsigned seed = 3;

	for (uint32_t i = 0; i < ROWS * IN; i++)
		rows[i] = 4 * graph_random(&seed);
	if (onnx_write(graph, &bytes, &size, &err) != 0)
		fail_msg("%s", err.text);
	if (compile_bytes("same", bytes, size, NULL, &image, &image_size, NULL, &err) != 0)
		fail_msg("%s", err.text);
	score(opened(image, image_size), rows, y);
	graph->name = "same";
	graph->source_kind = "martlet";
	if (compile_graph(graph, &(struct compile_rows){ rows, ROWS }, NULL, &image, &image_size,
		    NULL, &err) != 0)
		fail_msg("%s", err.text);
	score(opened(image, image_size), rows, y + ROWS * n);
	for (uint32_t i = 0; i < ROWS * n; i++)
		assert_true(fabsf(y[i] - y[ROWS * n + i]) <= 2e-6F * fmaxf(1, fabsf(y[i])));
	free(bytes);
	free(y);
}

static void networks_with_every_activation(void **state)
{
	for (enum activation a = ACTIVATION_NONE; a < ACTIVATION_COUNT; a++) {
		struct act act = act_defaults(a);
		struct net_shape shapes[3] = { { .n_out = IN, .affine = true },
			{ .n_out = 7, .bias = a % 2 }, { .n_out = 3, .bias = true } };
		struct graph *graph;
		struct error err;
		struct net *net;

		if (a == ACTIVATION_CLIP)
			act = (struct act){ a, -0.5F, 0.75F };
		shapes[1].act = act;
		assert_int_equal(
			net_create(IN, 3, shapes, a % 3 ? NET_SOFTMAX : NET_SIGMOID, &net, &err),
			0);
		net_draw(net, a);
		for (uint32_t i = 0; i < IN; i++)
			net->layers[0].scale[i] = 0.5F + (float)i;
		assert_int_equal(net_to_graph(net, NULL, &graph, &err), 0);
		written_and_read(graph);
		net_destroy(net);
	}
}

static void recurrent_networks(void **state)
{
	for (uint32_t lstm = 0; lstm < 2; lstm++) {
		const struct recurrent_net recurrent = { .op = lstm ? OP_LSTM : OP_GRU,
			.steps = 4,
			.n_in = 3,
			.n_layers = 2,
			.hidden = { 5, 6 } };
		float *params = calloc(recurrent_n_params(&recurrent), sizeof(*params));
		struct graph *graph = graph_create();
		struct error err;
		uint32_t x;

		recurrent_draw(&recurrent, 1, params);
		x = build_input(graph, IN, NULL, &err);
		x = recurrent_emit(&recurrent, params, graph, x, &err);
		assert_int_not_equal(x, GRAPH_NONE);
		assert_int_equal(build_output(graph, x, &err), 0);
		written_and_read(graph);
		free(params);
	}
}

static void what_onnx_lacks_is_refused_by_name(void **state)
{
	struct graph *graph = graph_create();
	const int64_t dims[2] = { 1, 4 }, far[2] = { 2, 4 };
	const uint32_t inputs[2] = { graph_f32(graph, "x", 2, dims),
		graph_f32_constant(graph, "far", 2, far, 1) };
	struct error err;
	void *bytes;
	size_t size;

	graph_finish(graph, inputs[0], graph_op(graph, OP_DISTANCE, 2, inputs));
	assert_int_equal(onnx_write(graph, &bytes, &size, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "(Distance): it has no operator of ONNX"));
	assert_null(bytes);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_with_every_activation),
		cmocka_unit_test(recurrent_networks),
		cmocka_unit_test(what_onnx_lacks_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
