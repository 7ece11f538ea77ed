// SPDX-License-Identifier: BSD-3-Clause
// The reference of an image: how its bins are made, that it is read back, and that one which is damaged
// is refused whatever is wrong with it.
#include "infer/image/format.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 1000

// Feature 0 is one of three values, feature 1 ascends, and is missing in every tenth row.
static void fill_rows(float *rows)
{
	for (int r = 0; r < ROWS; r++) {
		rows[2 * r] = (float)(r % 3);
		rows[2 * r + 1] = r % 10 ? (float)r : NAN;
	}
}

static void *make(bool accepts_missing, uint32_t n_bins, size_t *size, struct error *err)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, false, 1);
	float rows[2 * ROWS];
	const struct model_reference_rows given = { rows, ROWS, n_bins };
	void *image, *made = NULL;

	fill_rows(rows);
	graph->accepts_missing = accepts_missing;
	assert_int_equal(image_write(graph, &image, size, err), 0);
	graph_destroy(graph);
	if (model_refer(image, *size, &given, &made, size, err) != 0)
		fail_msg("%s", err->text);
	free(image);
	return made;
}

static void bins_are_values_or_quantiles(void **state)
{
	struct error err = { .text = "" };
	const struct drift_reference *reference;
	struct model *model;
	size_t size;
	void *image = make(true, 0, &size, &err);

	if (model_open(image, size, &(struct model_options){ .no_timing = true }, &model, &err))
		fail_msg("%s", err.text);
	reference = model_info(model)->reference;
	assert_non_null(reference);
	assert_int_equal(reference->n_rows, ROWS);
	assert_int_equal(reference->n_columns, 3);
	assert_int_equal(drift_n_counts(reference, 0), 6); // below, 0, 1, 2, above, missing
	assert_int_equal(reference->counts[drift_bin(reference, 0, 0)], 334);
	assert_int_equal(reference->counts[drift_bin(reference, 0, 2)], 333);
	assert_int_equal(reference->counts[drift_bin(reference, 0, -0.5f)], 0);
	assert_int_equal(reference->counts[drift_bin(reference, 0, 9)], 0);
	assert_int_equal(drift_n_counts(reference, 1), 11);
	for (uint32_t b = 0; b < 10; b++)
		assert_int_equal(reference->counts[6 + b], 90);
	assert_int_equal(reference->counts[6 + drift_bin(reference, 1, NAN)], 100);
	assert_int_equal(
		reference->counts[reference->first[2] + drift_bin(reference, 2, NAN)], 100);
	model_close(model);
	free(image);
}

static void rows_that_the_model_refuses_are_left_out(void **state)
{
	struct error err = { .text = "" };
	struct graph *graph;
	size_t size, again_size;
	void *image = make(false, 4, &size, &err), *again;

	assert_int_equal(image_open(image, size, &graph, &err), 0);
	assert_int_equal(graph->reference->n_rows, 900);
	assert_int_equal(drift_n_counts(graph->reference, 1), 5);
	assert_int_equal(image_write(graph, &again, &again_size, &err), 0);
	assert_int_equal(again_size, size);
	assert_memory_equal(again, image, size);
	graph_destroy(graph);
	free(again);
	free(image);
}

static void no_row_that_the_model_takes_is_refused(void **state)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, false, 1);
	const float rows[] = { NAN, 1, 2, INFINITY };
	struct error err = { .text = "" };
	void *image, *made;
	size_t size;

	assert_int_equal(image_write(graph, &image, &size, &err), 0);
	assert_int_equal(model_refer(image, size, &(struct model_reference_rows){ rows, 2, 0 },
				 &made, &size, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "none of the 2 reference rows is one that model"));
	graph_destroy(graph);
	free(image);
}

// Every word of the section, made another by turns, is refused or still sums up; the sentences are said.
static void a_damaged_reference_is_refused(void **state)
{
	static const char *const WORDS[] = { "is damaged", "counts; should be 2 to",
		"bytes, its columns", "counts more than", "counts ", "ascending order" };
	static const uint32_t VALUES[] = { 0, 1, 2, 66, 0x7fc00000, 0xff800000, UINT32_MAX };
	struct error err = { .text = "" };
	size_t size, n_refused = 0;
	bool said[sizeof(WORDS) / sizeof(WORDS[0])] = { false };
	char *image = make(true, 4, &size, &err);
	struct image_header *header = (void *)image;
	const struct image_extent *extent = (void *)(header + 1);
	uint32_t *words = (void *)(image + extent[SECTION_REFERENCE].offset);

	for (size_t w = 0; w < extent[SECTION_REFERENCE].bytes / sizeof(*words); w++)
		for (size_t v = 0; v < sizeof(VALUES) / sizeof(VALUES[0]); v++) {
			const uint32_t before = words[w];
			struct graph *graph;

			words[w] = VALUES[v];
			crypto_hash_sha256(header->sha256, (unsigned char *)image + sizeof(*header),
				size - sizeof(*header));
			if (image_open(image, size, &graph, &err) == 0) {
				graph_destroy(graph);
			} else {
				n_refused++;
				for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
					said[i] |= strstr(err.text, WORDS[i]) != NULL;
			}
			words[w] = before;
		}
	assert_true(n_refused > 100);
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (!said[i])
			fail_msg("nothing is refused with \"%s\"", WORDS[i]);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bins_are_values_or_quantiles),
		cmocka_unit_test(rows_that_the_model_refuses_are_left_out),
		cmocka_unit_test(no_row_that_the_model_takes_is_refused),
		cmocka_unit_test(a_damaged_reference_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
