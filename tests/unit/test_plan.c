// SPDX-License-Identifier: BSD-3-Clause
// The plan's own rules: which batch class a pass belongs to, how many rows a pass takes, which
// kernels each class shows, and whose packed weights stay in memory.
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/choose/dense.h"
#include "infer/plan/plan.h"
#include "infer/plan/step.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1 << 10)

struct built {
	struct arena *arena;
	struct plan plan;
};

static struct built build_of(struct graph *graph, unsigned isa_mask, bool no_timing)
{
	struct built built = { .arena = arena_create((size_t)64 << 20) };
	const struct model_options options = { .no_timing = no_timing };
	struct error err = { .text = "" };

	assert_non_null(built.arena);
	if (plan_build(&built.plan, graph, built.arena, isa_mask & isa_detected(), &options,
		    &err) != 0)
		fail_msg("%s", err.text);
	graph_destroy(graph); // the plan must not need it
	return built;
}

static struct built build_mlp(
	uint32_t n_sizes, const uint32_t *sizes, unsigned isa_mask, bool no_timing)
{
	return build_of(graph_mlp(n_sizes, sizes, true, 3), isa_mask, no_timing);
}

static const struct dense_kernel *kernel_named(const char *name)
{
	for (uint32_t i = 0; i < DENSE_TABLE.count; i++)
		if (strcmp(DENSE_KERNELS[i].name, name) == 0)
			return &DENSE_KERNELS[i];
	fail_msg("there is no dense kernel %s", name);
	return NULL;
}

static void class_is_nearest_by_ratio(void **state)
{
	static const struct {
		uint32_t rows, batch_class;
	} CASES[] = { { 1, 0 }, { 3, 0 }, { 4, 1 }, { 16, 1 }, { 31, 1 }, { 32, 2 }, { 64, 2 },
		{ 127, 2 }, { 128, 3 }, { 256, 3 } };

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_int_equal(batch_class_of(CASES[i].rows), CASES[i].batch_class);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		assert_int_equal(batch_class_of(MODEL_BATCH_CLASS[c]), c);
}

// --- Rows of a pass ------------------------------------------------------------------------------

// A row of 256 values in and 256 out is 2 KiB: 12 of them are 24 KiB, fewer than the least.
static void tile_of_wide_rows_is_the_least(void **state)
{
	const uint32_t sizes[] = { 256, 16, 256 };
	struct built built = build_mlp(3, sizes, ISA_SCALAR, true);

	assert_int_equal(built.plan.tile_rows, 48);
	arena_destroy(built.arena);
}

static void tile_of_narrow_rows_fits_half_the_cache(void **state)
{
	const uint32_t sizes[] = { 20, 16, 8, 5 };
	struct built built = build_mlp(4, sizes, ISA_SCALAR, true);
	size_t row = built.plan.row_bytes + (20 + 5) * sizeof(float);

	assert_int_equal(built.plan.tile_rows, 24 * KIB / row / 48 * 48);
	assert_true(built.plan.tile_rows >= 96);
	arena_destroy(built.arena);
}

static void tile_of_tiny_rows_is_the_most(void **state)
{
	const uint32_t sizes[] = { 2, 2 };
	struct built built = build_mlp(2, sizes, ISA_SCALAR, true);

	assert_int_equal(built.plan.tile_rows, MODEL_BATCH_MAX);
	arena_destroy(built.arena);
}

// The same rows, 250 KiB of weights and 262: only the layers' own weights count, however many
// packings the kernels of the classes want.
static void tile_of_many_weights_is_the_most(void **state)
{
	const uint32_t near[] = { 256, 120, 256 }, far[] = { 256, 130, 256 };
	struct built built = build_mlp(3, near, ~0u, false);

	assert_int_equal(built.plan.tile_rows, 48);
	arena_destroy(built.arena);
	built = build_mlp(3, far, ~0u, false);
	assert_int_equal(built.plan.tile_rows, MODEL_BATCH_MAX);
	arena_destroy(built.arena);
}

// --- Kernels and their weights -------------------------------------------------------------------

static void rule_names_the_pick_of_each_class(void **state)
{
	const uint32_t sizes[] = { 2, 3 };
	struct built built = build_mlp(2, sizes, ~0u, true);

	assert_int_equal(built.plan.tile_rows, MODEL_BATCH_MAX);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		assert_string_equal(built.plan.steps[0].kernel[c],
			dense_pick(built.plan.isa_mask, MODEL_BATCH_CLASS[c], 2, 3)->name);
	arena_destroy(built.arena);
}

// Passes of 48 rows are of class 2: batches of 256 run what it runs, and show it.
static void classes_beyond_the_pass_show_what_runs(void **state)
{
	const uint32_t sizes[] = { 256, 16, 256 };

	for (int no_timing = 0; no_timing < 2; no_timing++) {
		struct built built = build_mlp(3, sizes, ~0u, no_timing);

		for (uint32_t s = 0; s < 2; s++) {
			const struct step *step = &built.plan.steps[s];

			assert_string_equal(step->op, "Dense");
			assert_string_equal(step->kernel[3], step->kernel[2]);
		}
		arena_destroy(built.arena);
	}
}

// What is shown is what runs: the choice has the function and the packing of the named kernel.
static void choice_is_the_named_kernel(void **state)
{
	const uint32_t sizes[] = { 41, 64, 32, 5 };
	struct built built = build_mlp(4, sizes, ~0u, false);

	for (uint32_t s = 0; s < 3; s++) {
		for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
			const struct dense_choice *choice = &built.plan.steps[s].choice[c];
			const struct dense_kernel *kernel =
				kernel_named(built.plan.steps[s].kernel[c]);

			assert_true(choice->run == kernel->run);
			assert_true(kernel_allowed(kernel->isa, built.plan.isa_mask));
			assert_int_equal(choice->dense.k, sizes[s]);
			assert_int_equal(choice->dense.n, sizes[s + 1]);
		}
	}
	arena_destroy(built.arena);
}

// Bytes of each packing that a class of the step reads, once.
static size_t bytes_in_use(const struct step *step, uint32_t k, uint32_t n)
{
	const struct dense_kernel *seen[MODEL_BATCH_CLASSES];
	size_t bytes = 0;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		bool again = false;

		seen[c] = kernel_named(step->kernel[c]);
		for (uint32_t b = 0; b < c; b++)
			again |= seen[b]->pack == seen[c]->pack;
		bytes += again ? 0 : seen[c]->packed_bytes(k, n);
	}
	return bytes;
}

static void weights_in_use_are_counted_once(void **state)
{
	static const unsigned MASKS[] = { ISA_SCALAR, ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };
	const uint32_t sizes[] = { 41, 64, 32, 5 };

	for (size_t i = 0; i < 2 * sizeof(MASKS) / sizeof(*MASKS); i++) {
		struct built built = build_mlp(4, sizes, MASKS[i / 2], i % 2);
		size_t bytes = 0;

		for (uint32_t s = 0; s < 3; s++)
			bytes += bytes_in_use(&built.plan.steps[s], sizes[s], sizes[s + 1]);
		assert_int_equal(built.plan.weights_bytes, bytes);
		arena_destroy(built.arena);
	}
}

// Gemm's weights are transposed and scaled first; the memory for that is freed.
static void gemm_counts_like_dense(void **state)
{
	struct graph *graph = graph_create();
	uint32_t inputs[2], output;
	struct built built;

	assert_non_null(graph);
	inputs[0] = graph_f32(graph, "x", 2, (int64_t[]){ 1, 41 });
	inputs[1] = graph_f32_constant(graph, "w", 2, (int64_t[]){ 41, 64 }, 5);
	output = graph_op(graph, OP_GEMM, 2, inputs);
	graph_finish(graph, inputs[0], output);
	built = build_of(graph, ISA_SCALAR, true);
	assert_int_equal(built.plan.n_steps, 1);
	assert_int_equal(built.plan.weights_bytes, dense_plain_bytes(41, 64));
	arena_destroy(built.arena);
}

// What reads constants alone is not folded in an image that another program wrote: its row is the
// same for each row of the pass, and there is but one.
static void products_of_constants_have_one_row(void **state)
{
	static const enum op OPS[] = { OP_MATMUL, OP_GEMM };
	float rows[5][3] = { { 0 } }, outputs[5][3];

	for (size_t i = 0; i < sizeof(OPS) / sizeof(*OPS); i++) {
		struct graph *graph = graph_create();
		uint32_t factors[2], terms[2];
		const float *a, *b;
		struct built built;
		float wanted[3];
		void *scratch;

		assert_non_null(graph);
		terms[0] = graph_f32(graph, "x", 2, (int64_t[]){ 1, 3 });
		factors[0] = graph_f32_constant(graph, "a", 2, (int64_t[]){ 1, 2 }, 5);
		factors[1] = graph_f32_constant(graph, "b", 2, (int64_t[]){ 2, 3 }, 7);
		terms[1] = graph_op(graph, OPS[i], 2, factors);
		graph_finish(graph, terms[0], graph_op(graph, OP_ADD, 2, terms));
		a = graph->tensors[factors[0]].data;
		b = graph->tensors[factors[1]].data;
		for (size_t j = 0; j < 3; j++)
			wanted[j] = a[0] * b[j] + a[1] * b[3 + j];
		built = build_of(graph, ~0u, true);
		scratch = aligned_alloc(KERNEL_ALIGN, built.plan.row_bytes * 5 + KERNEL_ALIGN);
		assert_non_null(scratch);
		plan_run(&built.plan, rows[0], outputs[0], 5, scratch, 5);
		for (size_t row = 0; row < 5; row++) {
			for (size_t j = 0; j < 3; j++)
				assert_float_equal(outputs[row][j], wanted[j], 1e-6);
		}
		free(scratch);
		arena_destroy(built.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_is_nearest_by_ratio),
		cmocka_unit_test(tile_of_wide_rows_is_the_least),
		cmocka_unit_test(tile_of_narrow_rows_fits_half_the_cache),
		cmocka_unit_test(tile_of_tiny_rows_is_the_most),
		cmocka_unit_test(tile_of_many_weights_is_the_most),
		cmocka_unit_test(rule_names_the_pick_of_each_class),
		cmocka_unit_test(classes_beyond_the_pass_show_what_runs),
		cmocka_unit_test(choice_is_the_named_kernel),
		cmocka_unit_test(weights_in_use_are_counted_once),
		cmocka_unit_test(gemm_counts_like_dense),
		cmocka_unit_test(products_of_constants_have_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
