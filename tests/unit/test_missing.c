// SPDX-License-Identifier: BSD-3-Clause
// Which ONNX models take missing values.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"
#include "tests/unit/tree_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct model *model;

static void compile(bool forced)
{
	const struct compile_options options = { .accept_missing = forced };
	const struct model_options rules = { .no_timing = true };
	size_t size, image_size;
	uint8_t *bytes = file_pack(&size);
	struct error err;
	void *image;

	file_end(NULL);
	if (compile_bytes("f", bytes, size, &options, &image, &image_size, &file_report, &err) !=
			0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	free(bytes);
}

static bool report_says(const char *sentence)
{
	for (size_t i = 0; i < file_report.n_lines; i++) {
		if (strcmp(file_report.lines[i], sentence) == 0)
			return true;
	}
	return false;
}

static void taken(bool expected)
{
	assert_int_equal(model_info(model)->accepts_missing, expected);
	model_close(model);
}

// y = Where(IsNaN(x), 0, x), and what `then` makes of it: "y" is the output.
static void filled(const char *kept)
{
	static float zero[1] = { 0 };

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_weight("zero", 1, 0, zero);
	file_node("IsNaN", "x", NULL, "missing", NULL);
	file_node("Where", "missing", "zero", "filled", NULL);
	file.nodes[1].input[2] = file_name(kept);
	file.nodes[1].n_input = 3;
}

static void what_is_filled_is_taken(void **state)
{
	const float row[2] = { NAN, 2 };
	float scores[2];
	void *scratch;

	filled("x");
	file_node("Relu", "filled", NULL, "y", NULL);
	file_output("y");
	compile(false);
	assert_true(
		report_says("missing values (NaN) are taken: the model fills them or has "
			    "branches for them"));
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 1) + 63) / 64 * 64);
	model_score(model, row, scores, 1, scratch, 1);
	free(scratch);
	assert_true(scores[0] == 0 && scores[1] == 2);
	taken(true);
}

static void what_goes_round_the_filling_is_refused(void **state)
{
	filled("x");
	file_node("Add", "filled", "x", "y", NULL)->name = file_name("sum");
	file_output("y");
	compile(false);
	assert_true(
		report_says("missing values (NaN) are refused: one would reach node 'sum' "
			    "(Add), which has no place for it (--accept-missing lets it)"));
	taken(false);
	// Filled where another value is missing.
	filled("z");
	file_node("Neg", "x", NULL, "z", NULL);
	file_node("Softmax", "filled", NULL, "y", NULL)->name = file_name("shares");
	file_output("y");
	compile(false);
	assert_true(
		report_says("missing values (NaN) are refused: one would reach node 'shares' "
			    "(Softmax), which has no place for it (--accept-missing lets it)"));
	taken(false);
}

static void model_without_missing_values_is_silent(void **state)
{
	file_small();
	compile(false);
	for (size_t i = 0; i < file_report.n_lines; i++)
		assert_null(strstr(file_report.lines[i], "missing"));
	taken(false);
	file_small();
	compile(true);
	assert_true(report_says("missing values (NaN) are taken, as asked"));
	taken(true);
}

static void trees_by_what_their_file_says(void **state)
{
	static int64_t none[8], some[8] = { 1 };
	int64_t *lists[2] = { none, some };

	for (int i = 0; i < 2; i++) {
		Onnx__AttributeProto *nodes;
		size_t n = 0;

		tree_file_sound();
		tree_file_regressor();
		for (size_t a = 0; a < file.nodes[0].n_attribute; a++) {
			nodes = file.nodes[0].attribute[a];
			n = strcmp(nodes->name, "nodes_nodeids") == 0 ? nodes->n_ints : n;
		}
		assert_in_range(n, 1, 8);
		file_ints(&file.nodes[0], "nodes_missing_value_tracks_true", lists[i], n);
		compile(false);
		taken(i == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_filled_is_taken),
		cmocka_unit_test(what_goes_round_the_filling_is_refused),
		cmocka_unit_test(model_without_missing_values_is_silent),
		cmocka_unit_test(trees_by_what_their_file_says),
	};
	return cmocka_run_group_tests_name("missing", tests, NULL, file_end);
}
