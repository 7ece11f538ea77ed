// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/learn_case.h"

#include "base/decision.h"
#include "base/random.h"
#include "infer/compile/compile.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>

static const char *const FEATURES[LEARN_FEATURES] = { "a", "b", "c", "d", "e", "f" };
static const char *const CLASSES[] = { "idle", "some", "much", "most" };

static float *learn_case_row(const struct learn_case *rows, size_t row)
{
	return rows->values + row * LEARN_FEATURES;
}

static double learn_case_rule(const float *x)
{
	return (x[0] > 0.1f ? 1.0 : 0.0) + (double)x[1] * (x[2] > -0.3f ? 1 : -1);
}

void learn_case_init(struct learn_case *rows, size_t n, uint32_t n_classes, bool missing)
{
	uint64_t state = 20261129;

	*rows = (struct learn_case){ .values = calloc(n * LEARN_FEATURES, sizeof(float)),
		.numbers = calloc(n, sizeof(float)),
		.classes = calloc(n, sizeof(int32_t)) };
	assert_true(rows->values && rows->numbers && rows->classes);
	for (size_t i = 0; i < n * LEARN_FEATURES; i++)
		rows->values[i] = (float)(random_next(&state) >> 40) / (1 << 23) - 1;
	for (size_t i = 0; i < n; i++) {
		float *x = learn_case_row(rows, i);
		const double rule = learn_case_rule(x); // from -1 to 2

		rows->numbers[i] = (float)rule;
		if (n_classes > 0)
			rows->classes[i] = (int32_t)fmin((rule + 1) / 3 * n_classes, n_classes - 1);
		if (missing && i % 10 == 0)
			x[LEARN_FEATURES - 1] = NAN;
	}
	rows->set = (struct dataset){ .n_rows = n,
		.n_features = LEARN_FEATURES,
		.values = rows->values,
		.feature_names = FEATURES,
		.target = n_classes > 0 ? DATASET_CLASSES : DATASET_NUMBERS,
		.classes = n_classes > 0 ? rows->classes : NULL,
		.numbers = n_classes > 0 ? NULL : rows->numbers,
		.class_labels = CLASSES,
		.n_classes = n_classes,
		.path = "made.csv" };
}

void learn_case_fini(struct learn_case *rows)
{
	free(rows->values);
	free(rows->numbers);
	free(rows->classes);
}

struct dataset_part learn_case_part(const struct learn_case *rows, uint32_t first, size_t n)
{
	struct dataset_part part = { .set = &rows->set, .index = calloc(n + 1, sizeof(uint32_t)) };

	assert_non_null(part.index);
	for (part.n = 0; part.n < n; part.n++)
		part.index[part.n] = first + (uint32_t)part.n;
	return part;
}

float *learn_case_score_image(
	const struct learn_case *rows, const void *image, size_t size, uint32_t n_outputs)
{
	const struct model_options options = { .no_timing = true };
	const size_t n = rows->set.n_rows;
	struct error err;
	struct model *model;
	float *scores;
	void *scratch;

	if (model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(model_info(model)->n_outputs, n_outputs);
	assert_int_equal(model_info(model)->n_features, LEARN_FEATURES);
	assert_string_equal(model_info(model)->feature_names[1], "b");
	scores = calloc(n * n_outputs + 1, sizeof(float));
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 64) + 64) / 64 * 64);
	assert_true(scores && scratch);
	model_score(model, rows->values, scores, (uint32_t)n, scratch, 64);
	free(scratch);
	model_close(model);
	return scores;
}

float *learn_case_score(const struct learn_case *rows, struct graph *graph, uint32_t n_outputs)
{
	const struct compile_rows taught = { .values = rows->values, .n_rows = rows->set.n_rows };
	struct error err;
	void *image;
	size_t size;
	float *scores;

	graph->name = "made";
	if (compile_graph(graph, &taught, NULL, &image, &size, NULL, &err) != 0)
		fail_msg("%s", err.text);
	scores = learn_case_score_image(rows, image, size, n_outputs);
	free(image);
	return scores;
}

double learn_case_accuracy(const struct learn_case *rows, const float *scores, uint32_t n_outputs)
{
	size_t right = 0;

	for (size_t i = 0; i < rows->set.n_rows; i++)
		right += (int32_t)decision_largest(scores + i * n_outputs, n_outputs) ==
			rows->classes[i];
	return (double)right / (double)rows->set.n_rows;
}
