// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/lineage.h"
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

// Arrays of a graph that was read have room for what is added, and what lies behind them stays.
static void what_is_read_back_may_be_added_to(void **state)
{
	const int64_t one = 1;
	struct graph *graph;
	struct error err;
	size_t size;
	void *image = small_image(&size);
	uint32_t n_tensors, input;

	assert_int_equal(image_open(image, size, &graph, &err), 0);
	n_tensors = graph->n_tensors;
	input = graph->nodes[0].inputs[0];
	for (uint32_t i = 0; i < 40; i++) {
		char name[16];
		const uint32_t pair[2] = { n_tensors + i, input };

		snprintf(name, sizeof(name), "added%u", i);
		assert_int_equal(
			graph_add_tensor(graph, name, DTYPE_F32, 1, &one, NULL, &err), pair[0]);
		assert_int_not_equal(
			graph_add_node(graph, OP_RELU, name, 1, &pair[1], 1, &pair[0], &err),
			GRAPH_NONE);
	}
	assert_int_equal(graph->nodes[0].inputs[0], input);
	assert_string_equal(graph->output_names[0], "y0");
	graph_destroy(graph);
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

// Writes the graph and opens what was written; *image is what the graph points into.
static int write_and_open(
	struct graph *graph, struct graph **again, void **image, struct error *err)
{
	void *written;
	size_t size;
	int rc = image_write(graph, &written, &size, err);

	*image = NULL;
	if (rc != 0)
		return rc;
	*image = aligned_alloc(64, (size + 63) & ~(size_t)63);
	memcpy(*image, written, size);
	free(written);
	return image_open(*image, size, again, err);
}

static void lineage_is_read_back_and_carried_on(void **state)
{
	const struct lineage_step first = { .step = "train", .rows = "a/b.csv", .n_rows = 3 };
	const struct lineage_step second = { .step = "prune", .from = "x.mlt" };
	const struct model_options options = { .no_timing = true };
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, true, 1), *again, *third;
	struct error err = { .text = "" };
	struct model *model;
	void *image, *image_2;
	size_t size;

	assert_int_equal(lineage_add(graph, &first, &err), 0);
	assert_int_equal(write_and_open(graph, &again, &image, &err), 0);
	assert_int_equal(again->n_lineage, 1);
	assert_string_equal(again->lineage[0], "train, on 3 rows of b.csv");
	assert_int_equal(lineage_add(again, &second, &err), 0);
	assert_int_equal(write_and_open(again, &third, &image_2, &err), 0);
	assert_int_equal(third->n_lineage, 2);
	assert_string_equal(third->lineage[0], "train, on 3 rows of b.csv");
	assert_string_equal(third->lineage[1], "prune of x.mlt");
	assert_string_equal(third->class_labels ? third->feature_names[1] : "", "x1");
	graph_destroy(third);
	free(image_2);
	assert_int_equal(image_write(again, &image_2, &size, &err), 0);
	assert_int_equal(model_open(image_2, size, &options, &model, &err), 0);
	assert_int_equal(model_info(model)->n_lineage, 2);
	assert_string_equal(model_info(model)->lineage[1], "prune of x.mlt");
	model_close(model);
	graph_destroy(again);
	graph_destroy(graph);
	free(image);
	free(image_2);
}

static void lineage_beyond_its_bounds_is_refused(void **state)
{
	static char line[MODEL_LINEAGE_BYTES_MAX + 2];
	static const char *lines[MODEL_LINEAGE_MAX + 1];
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 2, 1 }, true, 1), *again;
	struct error err = { .text = "" };
	void *image;
	size_t size;

	memset(line, 'x', sizeof(line) - 1);
	for (int i = 0; i <= MODEL_LINEAGE_MAX; i++)
		lines[i] = "x";
	graph->lineage = lines;
	graph->n_lineage = MODEL_LINEAGE_MAX + 1;
	assert_int_equal(image_write(graph, &image, &size, &err), -EINVAL);
	assert_string_equal(
		err.text, "the model has 257 steps of lineage, at most 256 are supported");
	graph->n_lineage = MODEL_LINEAGE_MAX;
	lines[7] = line;
	assert_int_equal(image_write(graph, &image, &size, &err), -EINVAL);
	assert_string_equal(
		err.text, "step 7 of the model's lineage is missing or longer than 2048 bytes");
	lines[7] = line + 1;
	assert_int_equal(write_and_open(graph, &again, &image, &err), 0);
	assert_int_equal(again->n_lineage, MODEL_LINEAGE_MAX);
	graph_destroy(again);
	free(image);
	graph_destroy(graph);
}

// The counts of names and of lines are two numbers of a file that may be anything.
static void lineage_that_the_names_do_not_hold_is_refused(void **state)
{
	struct graph *graph;
	struct error err = { .text = "" };
	size_t size;
	char *image = small_image(&size);
	struct image_header *header = (void *)image;
	const struct image_extent *meta = (void *)(image + sizeof(*header));
	struct image_meta *record = (void *)(image + meta->offset);

	record->n_lineage = UINT32_MAX;
	crypto_hash_sha256(
		header->sha256, (unsigned char *)image + sizeof(*header), size - sizeof(*header));
	assert_int_equal(image_open(image, size, &graph, &err), -EINVAL);
	assert_string_equal(err.text,
		"image holds 3 names for 2 features, 1 outputs, 0 labels, 4294967295 steps of "
		"lineage");
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(an_image_made_before_opens),
		cmocka_unit_test(what_is_read_back_may_be_added_to),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_bit_flip_is_refused),
		cmocka_unit_test(unaligned_image_is_refused_but_opens_as_a_model),
		cmocka_unit_test(a_name_that_is_no_name_is_not_written),
		cmocka_unit_test(names_are_cleaned),
		cmocka_unit_test(lineage_is_read_back_and_carried_on),
		cmocka_unit_test(lineage_beyond_its_bounds_is_refused),
		cmocka_unit_test(lineage_that_the_names_do_not_hold_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
