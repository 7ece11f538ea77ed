// SPDX-License-Identifier: BSD-3-Clause
// A row's scores are the same to the bit whatever shares its batch, and where it stands there: random
// models in batches of all classes, on each instruction set.
#include "infer/compile/passes/run.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/model_internal.h"
#include "tests/cmocka.h"
#include "tests/kernels/random_trees.h"
#include "tests/unit/random_models.h"

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

// Scores rows in batches of `batch`, and compares with rows by themselves.
static void check_batch(const struct model *model, const float *rows, const float *alone,
	float *scores, void *scratch, uint32_t batch)
{
	const size_t k = model_info(model)->n_features, n = model_info(model)->n_outputs;

	for (uint32_t first = 0; first + batch <= ROWS; first += batch) {
		model_score(model, rows + first * k, scores, batch, scratch, batch);
		assert_memory_equal(scores, alone + first * n, batch * n * sizeof(float));
	}
}

static void check_model(
	const struct graph *graph, const struct model_options *options, uint64_t seed)
{
	static const uint32_t BATCH[] = { 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33, 64, 96 };
	struct error err;
	struct model *model;
	float *rows, *alone, *scores;
	void *scratch;
	size_t k, n;

	if (model_build(graph, 0, options, &model, &err) != 0)
		fail_msg("%s", err.text);
	k = model_info(model)->n_features;
	n = model_info(model)->n_outputs;
	rows = memory(ROWS * k * sizeof(float));
	alone = memory(ROWS * n * sizeof(float));
	scores = memory(ROWS * n * sizeof(float));
	scratch = memory(model_scratch_bytes(model, ROWS));
	for (size_t i = 0; i < ROWS * k; i++)
		rows[i] = (float)(random_next(&seed) % 8000001) / 1e6f - 4.0f;
	for (uint32_t r = 0; r < ROWS; r++)
		model_score(model, rows + r * k, alone + r * n, 1, scratch, 1);
	for (size_t b = 0; b < sizeof(BATCH) / sizeof(*BATCH); b++)
		check_batch(model, rows, alone, scores, scratch, BATCH[b]);
	free(rows);
	free(alone);
	free(scores);
	free(scratch);
	model_close(model);
}

static void check_kind(enum random_model kind)
{
	for (uint64_t i = 0; i < MODELS; i++) {
		struct graph *graph = random_model(kind, i + 5000);
		struct compile_report report = { 0 };
		struct error err;

		if (passes_run(graph, &report, &err) != 0)
			fail_msg("%s", err.text);
		for (size_t s = 0; s < sizeof(SETS) / sizeof(*SETS); s++) {
			struct model_options options = {
				.isa_limited = true, .no_timing = i >= 4, .exact = true
			};

			if (isa_parse(SETS[s], &options.isa_mask, NULL) != 0)
				continue; // another architecture's
			check_model(graph, &options, i + 1);
			options.exact = false; // without AVX-512 it is so all the same
			options.isa_mask &= ISA_AVX2 | ISA_NEON;
			check_model(graph, &options, i + 1);
		}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear_models_score_alike_in_any_batch),
		cmocka_unit_test(forests_score_alike_in_any_batch),
		cmocka_unit_test(networks_score_alike_in_any_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
