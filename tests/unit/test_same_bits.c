// SPDX-License-Identifier: BSD-3-Clause
// A row's scores are the same to the bit whatever shares its batch, where it stands there, and which
// kernels timing chose when the model was opened: random models and one of each operator, in batches of
// all classes, on each instruction set that this CPU has (of AVX-512 by `exact`).
#include "infer/compile/passes/run.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/kernels/random_trees.h"
#include "tests/unit/random_models.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define MODELS 60
#define ROWS   96

static const char *const SETS[] = { "scalar", "avx2", "avx512", "avx512vnni", "neon", "native" };

static void *memory(size_t bytes)
{
	void *block = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!block)
		abort();
	return block;
}

struct scored {
	float *rows, *alone; // [ROWS] of the model's; each row by itself
};

// Scores rows in batches of `batch`, and compares with rows by themselves.
static void check_batch(const struct model *model, const struct scored *scored, float *scores,
	void *scratch, uint32_t batch)
{
	const size_t k = model_info(model)->n_features, n = model_info(model)->n_outputs;

	for (uint32_t first = 0; first + batch <= ROWS; first += batch) {
		model_score(model, scored->rows + first * k, scores, batch, scratch, batch);
		assert_memory_equal(scores, scored->alone + first * n, batch * n * sizeof(float));
	}
}

// Draws the rows and scores them, where that has not been done, and takes the model.
static void check_model(struct model *model, struct scored *scored, uint64_t seed)
{
	static const uint32_t BATCH[] = { 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33, 64, 96 };
	const size_t k = model_info(model)->n_features, n = model_info(model)->n_outputs;
	float *scores = memory(ROWS * n * sizeof(float));
	void *scratch = memory(model_scratch_bytes(model, ROWS));

	if (!scored->rows) {
		scored->rows = memory(ROWS * k * sizeof(float));
		scored->alone = memory(ROWS * n * sizeof(float));
		for (size_t i = 0; i < ROWS * k; i++)
			scored->rows[i] = (float)(random_next(&seed) % 8000001) / 1e6f - 4.0f;
		for (uint32_t r = 0; r < ROWS; r++)
			model_score(
				model, scored->rows + r * k, scored->alone + r * n, 1, scratch, 1);
	}
	for (size_t b = 0; b < sizeof(BATCH) / sizeof(*BATCH); b++)
		check_batch(model, scored, scores, scratch, BATCH[b]);
	free(scores);
	free(scratch);
	model_close(model);
}

// Of an image on each instruction set: with kernels chosen by rule, and again by timing.
static void check_image(const void *image, size_t size, bool timed, uint64_t seed)
{
	unsigned before = ~0u;

	for (size_t s = 0; s < sizeof(SETS) / sizeof(*SETS); s++) {
		struct model_options options = { .isa_limited = true, .exact = true };
		struct scored scored = { 0 };
		struct model *model;
		struct error err;

		if (isa_parse(SETS[s], &options.isa_mask, NULL) != 0)
			continue; // another architecture's
		options.isa_mask &= isa_detected();
		if (options.isa_mask == before)
			continue; // this CPU has no more
		before = options.isa_mask;
		for (int pass = 0; pass < (timed ? 3 : 2); pass++) {
			options.no_timing = pass < 2;
			options.exact = pass != 1; // without AVX-512 it is so all the same
			if (pass == 1 && (options.isa_mask & ISA_AVX512))
				continue;
			if (model_open(image, size, &options, &model, &err) != 0)
				fail_msg("%s", err.text);
			check_model(model, &scored, seed);
		}
		free(scored.rows);
		free(scored.alone);
	}
}

static void check_kind(enum random_model kind)
{
	for (uint64_t i = 0; i < MODELS; i++) {
		struct graph *graph = random_model(kind, i + 5000);
		struct compile_report report = { 0 };
		struct error err;
		void *image = NULL;
		size_t size = 0;

		if (passes_run(graph, &report, &err) != 0 ||
			image_write(graph, &image, &size, &err) != 0)
			fail_msg("%s", err.text);
		check_image(image, size, i < 4, i + 1);
		free(image);
		graph_destroy(graph);
		compile_report_fini(&report);
	}
}

static void linear_models_score_alike_in_any_batch(void **state)
{
	check_kind(RANDOM_LINEAR);
}

static void forests_score_alike_in_any_batch(void **state)
{
	check_kind(RANDOM_FOREST);
}

static void networks_score_alike_in_any_batch(void **state)
{
	check_kind(RANDOM_NETWORK);
}

// A model of each operator.
static void operators_score_alike_in_any_batch(void **state)
{
	glob_t found;

	assert_int_equal(glob("tests/fixtures/operators/models/*.onnx", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const struct compile_options options = { .accept_missing = true };
		struct error err;
		void *image = NULL;
		size_t size = 0;

		print_message("# %s\n", found.gl_pathv[i]);
		if (model_compile(found.gl_pathv[i], &options, &image, &size, NULL, &err) != 0)
			fail_msg("%s", err.text);
		check_image(image, size, i % 16 == 0, i + 1);
		free(image);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear_models_score_alike_in_any_batch),
		cmocka_unit_test(forests_score_alike_in_any_batch),
		cmocka_unit_test(networks_score_alike_in_any_batch),
		cmocka_unit_test(operators_score_alike_in_any_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
