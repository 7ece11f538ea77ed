// SPDX-License-Identifier: BSD-3-Clause
#include "infer/image/format.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void *small_image(size_t *size)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, true, 1);
	struct error err = { .text = "" };
	void *image, *aligned;

	if (image_write(graph, &image, size, &err) != 0)
		fail_msg("%s", err.text);
	graph_destroy(graph);
	aligned = aligned_alloc(64, (*size + 63) & ~(size_t)63);
	memcpy(aligned, image, *size);
	free(image);
	return aligned;
}

static void what_is_written_is_read_back(void **state)
{
	struct graph *graph;
	struct error err = { .text = "" };
	size_t size, again_size;
	void *image = small_image(&size), *again;

	assert_int_equal(image_open(image, size, &graph, &err), 0);
	assert_int_equal(graph->n_nodes, 2);
	assert_string_equal(graph->feature_names[1], "x1");
	assert_true(graph->input_scale[1] == 1.0f && graph->input_zero[1] == 0.0f);
	assert_int_equal(image_write(graph, &again, &again_size, &err), 0);
	assert_int_equal(again_size, size);
	assert_memory_equal(again, image, size);
	free(again);
	graph_destroy(graph);
	free(image);
}

// The description ended before the tolerances of golden rows in the first images; what is behind it
// was padding then.
static void an_image_made_before_opens(void **state)
{
	struct graph *graph;
	struct error err = { .text = "" };
	size_t size;
	char *image = small_image(&size);
	struct image_header *header = (void *)image;
	struct image_extent *meta = (void *)(image + sizeof(*header));

	assert_int_equal(meta->bytes, sizeof(struct image_meta));
	meta->bytes = IMAGE_META_BYTES_MIN;
	crypto_hash_sha256(
		header->sha256, (unsigned char *)image + sizeof(*header), size - sizeof(*header));
	if (image_open(image, size, &graph, &err) != 0)
		fail_msg("%s", err.text);
	assert_null(graph->golden_tolerance);
	graph_destroy(graph);
	meta->bytes = sizeof(struct image_meta) + 8;
	crypto_hash_sha256(
		header->sha256, (unsigned char *)image + sizeof(*header), size - sizeof(*header));
	assert_int_equal(image_open(image, size, &graph, &err), -EINVAL);
	free(image);
}

static void every_truncation_is_refused(void **state)
{
	size_t size;
	char *image = small_image(&size);

	for (size_t cut = 0; cut < size; cut++) {
		char *copy = aligned_alloc(64, (cut + 64) & ~(size_t)63);
		struct graph *graph = NULL;
		struct error err = { .text = "" };

		memcpy(copy, image, cut);
		assert_true(image_open(copy, cut, &graph, &err) < 0);
		assert_true(strlen(err.text) > 10);
		free(copy);
	}
	free(image);
}

static void every_bit_flip_is_refused(void **state)
{
	size_t size;
	char *image = small_image(&size);

	for (size_t bit = 0; bit < size * 8; bit++) {
		struct graph *graph = NULL;
		struct error err = { .text = "" };

		image[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(image_open(image, size, &graph, &err) < 0);
		assert_true(strlen(err.text) > 10);
		image[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(image);
}

static void unaligned_image_is_refused_but_opens_as_a_model(void **state)
{
	const struct model_options options = { .no_timing = true };
	size_t size;
	char *image = small_image(&size), *shifted = malloc(size + 65);
	char *odd = (char *)(((uintptr_t)shifted + 63) & ~(uintptr_t)63) + 1;
	struct error err = { .text = "" };
	struct graph *graph = NULL;
	struct model *model;

	memcpy(odd, image, size);
	assert_int_equal(image_open(odd, size, &graph, &err), -EINVAL);
	assert_int_equal(model_open(odd, size, &options, &model, &err), 0);
	model_close(model);
	free(shifted);
	free(image);
}

static void a_name_that_is_no_name_is_not_written(void **state)
{
	static const char *const bad[] = { "", "-x", "a/b", "a b" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, true, 1);
		struct error err = { .text = "" };
		void *image;
		size_t size;

		graph->name = bad[i];
		assert_int_equal(image_write(graph, &image, &size, &err), -EINVAL);
		assert_non_null(strstr(err.text, "name"));
		graph_destroy(graph);
	}
}

// Names of foreign files come as they are; in the image stands what may be shown.
static void names_are_cleaned(void **state)
{
	static const struct {
		const char *given, *written;
	} cases[] = {
		{ "größe\xe2\x82\xac\xf0\x9f\x90\xa6", "größe\xe2\x82\xac\xf0\x9f\x90\xa6" },
		{ "a\tb\nc\x1b[31m\x7f", "a?b?c?[31m?" },
		{ "cut\xe2\x82", "cut??" },
		{ "\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", "??????????" },
		{ "C1 \xc2\x9b.", "C1 ??." },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, true, 1), *again;
		struct error err = { .text = "" };
		void *image, *aligned;
		size_t size;

		graph->feature_names[0] = cases[i].given;
		graph->nodes[0].name = cases[i].given;
		assert_int_equal(image_write(graph, &image, &size, &err), 0);
		aligned = aligned_alloc(64, (size + 63) & ~(size_t)63);
		memcpy(aligned, image, size);
		if (image_open(aligned, size, &again, &err) != 0)
			fail_msg("%s", err.text);
		assert_string_equal(again->feature_names[0], cases[i].written);
		assert_string_equal(again->nodes[0].name, cases[i].written);
		graph_destroy(again);
		graph_destroy(graph);
		free(image);
		free(aligned);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(an_image_made_before_opens),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_bit_flip_is_refused),
		cmocka_unit_test(unaligned_image_is_refused_but_opens_as_a_model),
		cmocka_unit_test(a_name_that_is_no_name_is_not_written),
		cmocka_unit_test(names_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
