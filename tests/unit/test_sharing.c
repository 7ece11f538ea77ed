// SPDX-License-Identifier: BSD-3-Clause
// Steps with the same constants share them: in the image, and packed in the plan. No score changes.
#include "infer/graph/arena.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"
#include "infer/plan/packed.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <stdlib.h>
#include <string.h>

#define STEPS 20
#define WIDTH 48
#define ROWS  70

static uint32_t reshaped(struct graph *graph, uint32_t x, uint32_t rank, const int64_t *dims)
{
	uint32_t none = 0, n = graph_add_node(graph, OP_RESHAPE, NULL, 1, &x, 1, &none, NULL), t;
	char name[32];

	snprintf(name, sizeof(name), "t%u", graph->n_tensors);
	t = graph_f32(graph, name, rank, dims);
	assert_true(n != GRAPH_NONE);
	assert_int_equal(node_set_ints(graph, &graph->nodes[n], ATTR_SHAPE, rank, dims), 0);
	graph->nodes[n].outputs[0] = t;
	return t;
}

// STEPS times the same cell, whose constants are copies where `seed_step` is 0, and others where it is
// not: a Dense, a Gemm whose weights are transposed, a Conv of a line, an Add, as loops unrolled have
// them.
static struct graph *cells(unsigned seed_step)
{
	struct graph *graph = graph_create();
	const int64_t row[2] = { 1, WIDTH }, w[2] = { WIDTH, WIDTH }, line[3] = { 1, 1, WIDTH };
	uint32_t x, input;

	assert_non_null(graph);
	x = input = graph_f32(graph, "x", 2, row);
	for (unsigned s = 0; s < STEPS; s++) {
		const unsigned seed = 1 + s * seed_step;
		char name[4][16];
		uint32_t conv;

		for (unsigned i = 0; i < 4; i++)
			snprintf(name[i], sizeof(name[i]), "c%u_%u", s, i);
		x = graph_op(graph, OP_DENSE, 2,
			(uint32_t[]){ x, graph_f32_constant(graph, name[0], 2, w, seed) });
		x = graph_op(graph, OP_TANH, 1, &x);
		x = graph_op(graph, OP_GEMM, 2,
			(uint32_t[]){ x, graph_f32_constant(graph, name[1], 2, w, seed + 1000) });
		assert_int_equal(
			node_set_int(graph, &graph->nodes[graph->n_nodes - 1], ATTR_TRANS_B, 1), 0);
		x = graph_op(graph, OP_ADD, 2,
			(uint32_t[]){ x, graph_f32_constant(graph, name[2], 2, row, seed + 2000) });
		conv = reshaped(graph, x, 3, line);
		conv = graph_op(graph, OP_CONV, 2,
			(uint32_t[]){ conv,
				graph_f32_constant(graph, name[3], 3, (const int64_t[]){ 1, 1, 1 },
					seed + 3000) });
		x = reshaped(graph, conv, 2, row);
	}
	graph_finish(graph, input, x);
	return graph;
}

static void score(const struct model *model, float *outputs)
{
	float *rows = malloc(ROWS * WIDTH * sizeof(*rows));
	void *scratch = aligned_alloc(64, (model_scratch_bytes(model, ROWS) + 63) / 64 * 64);
	unsigned seed = 7;

	assert_true(rows && scratch);
	for (size_t i = 0; i < ROWS * WIDTH; i++)
		rows[i] = graph_random(&seed);
	model_score(model, rows, outputs, ROWS, scratch, ROWS);
	free(rows);
	free(scratch);
}

static struct model *model_of(
	struct graph *graph, bool by_image, const struct model_options *options, size_t *size)
{
	struct error err = { .text = "" };
	struct model *model = NULL;
	void *image = NULL;

	*size = 0;
	if (graph_check(graph, &err) != 0)
		fail_msg("%s", err.text);
	if (by_image ? image_write(graph, &image, size, &err) != 0 ||
				model_open(image, *size, options, &model, &err) != 0
		     : model_build(graph, 0, options, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	graph_destroy(graph);
	return model;
}

static void equal_constants_are_kept_once(void **state)
{
	static const struct model_options OPTIONS[] = {
		{ .isa_limited = true, .isa_mask = ISA_SCALAR, .no_timing = true },
		{ .no_timing = true },
		{ .no_timing = true, .exact = true },
		{ .no_timing = false, .exact = true },
	};
	const size_t most = (WIDTH * WIDTH * 2 + WIDTH) * sizeof(float);

	for (size_t o = 0; o < sizeof(OPTIONS) / sizeof(*OPTIONS); o++) {
		float *shared = calloc(ROWS * WIDTH, sizeof(float));
		float *apart = calloc(ROWS * WIDTH, sizeof(float));
		size_t size, others_size, none;
		// Built of the graph itself, whose constants are copies, nothing is shared: that is
		// how an image made before opens.
		struct model *alone = model_of(cells(0), false, &OPTIONS[o], &none);
		struct model *model = model_of(cells(0), true, &OPTIONS[o], &size);
		struct model *others = model_of(cells(1), true, &OPTIONS[o], &others_size);

		assert_true(shared && apart);
		score(alone, apart);
		score(model, shared);
		assert_memory_equal(shared, apart, ROWS * WIDTH * sizeof(float));
		assert_true(others_size - size > (STEPS - 2) * most);
		assert_true(model_info(alone)->weights_bytes > STEPS * most);
		assert_true(model_info(others)->weights_bytes > STEPS * most);
		// By two packings of the Dense and the Gemm, for one row and for many.
		assert_true(model_info(model)->weights_bytes < 5 * most);
		score(others, shared);
		assert_memory_not_equal(shared, apart, ROWS * WIDTH * sizeof(float));
		model_close(alone);
		model_close(model);
		model_close(others);
		free(shared);
		free(apart);
	}
}

// The same bytes as other weights: an image's, which may lie wherever they like.
static void what_is_packed_otherwise_is_not_shared(void **state)
{
	const struct model_options options = { .no_timing = true };
	struct graph *graph = graph_create();
	float *outputs = calloc(ROWS * WIDTH, sizeof(float));
	uint32_t x, w, straight, turned;
	struct model *model;
	size_t size;

	assert_true(graph && outputs);
	x = graph_f32(graph, "x", 2, (const int64_t[]){ 1, WIDTH });
	w = graph_f32_constant(graph, "w", 2, (const int64_t[]){ WIDTH, WIDTH }, 3);
	straight = graph_op(graph, OP_GEMM, 2, (uint32_t[]){ x, w });
	turned = graph_op(graph, OP_GEMM, 2, (uint32_t[]){ x, w });
	assert_int_equal(
		node_set_int(graph, &graph->nodes[graph->n_nodes - 1], ATTR_TRANS_B, 1), 0);
	graph_finish(graph, x, graph_op(graph, OP_SUB, 2, (uint32_t[]){ straight, turned }));
	model = model_of(graph, true, &options, &size);
	score(model, outputs);
	for (size_t i = 0; i < WIDTH; i++)
		assert_true(outputs[i] != 0);
	model_close(model);
	free(outputs);
}

static void a_table_of_packings_finds_what_it_was_given(void **state)
{
	static const char FORM, OTHER;
	static int packed[1000];
	struct packed_table table = { 0 };
	struct packed_key key = { .form = &FORM };
	struct error err;

	assert_null(packed_find(&table, &key));
	for (uint64_t i = 0; i < 1000; i++) {
		key.numbers[4] = i << (i % 48);
		key.from[0] = &packed[i / 2];
		assert_int_equal(packed_keep(&table, &key, &packed[i], &err), 0);
	}
	for (uint64_t i = 0; i < 1000; i++) {
		key.numbers[4] = i << (i % 48);
		key.from[0] = &packed[i / 2];
		key.form = &FORM;
		assert_ptr_equal(packed_find(&table, &key), &packed[i]);
		key.form = &OTHER;
		assert_null(packed_find(&table, &key));
	}
	packed_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_constants_are_kept_once),
		cmocka_unit_test(what_is_packed_otherwise_is_not_shared),
		cmocka_unit_test(a_table_of_packings_finds_what_it_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
