// SPDX-License-Identifier: BSD-3-Clause
// Tree ensembles of ai.onnx.ml: members of sets, the predicted class.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/tree_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static void outputs_by(const struct compile_options *options, const float *rows, uint32_t n_rows,
	const float *expected, uint32_t n)
{
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model;
	size_t size, image_size;
	uint8_t *bytes = file_pack(&size);
	float made[64];
	void *image, *scratch;

	if (compile_bytes("f", bytes, size, options, &image, &image_size, NULL, &err) != 0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(n_rows * model_info(model)->n_outputs, n);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, n_rows) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, rows, made, n_rows, scratch, n_rows);
	free(scratch);
	for (uint32_t i = 0; i < n; i++) {
		if (!(made[i] == expected[i] || fabsf(made[i] - expected[i]) <= 1e-6f))
			fail_msg("value %u is %g, should be %g", i, (double)made[i],
				(double)expected[i]);
	}
	model_close(model);
	free(image);
	free(bytes);
}

static void outputs_are(
	const char *list, const float *rows, uint32_t n_rows, const float *expected, uint32_t n)
{
	const struct compile_options options = { .outputs = list };

	outputs_by(&options, rows, n_rows, expected, n);
}
#define OUTPUTS(list, rows, ...)                                                                   \
	outputs_are(list, rows, LENGTH(rows) / 2, (const float[]){ __VA_ARGS__ },                  \
		LENGTH(((const float[]){ __VA_ARGS__ })))

static const float BOTH[4] = { 0, 0, 1, 0 }; // to leaf 1, to leaf 2

static void label_of_one_sum(void **state)
{
	tree_file_sound();
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, 1, -1, 9, -2, 2);
	tree_file.post = "LOGISTIC"; // of such small margins both shares are 0.5
	tree_file.weights[0] = -1e-9f;
	tree_file.weights[1] = 1e-9f;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, 0.5f, 0.5f, 9, 0.5f, 0.5f);
	tree_file_sound();
	tree_file.weights[0] = 0.5f; // shares: the second class above 0.5 only
	tree_file.weights[1] = 0.75f;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, 0.5f, 0.5f, 9, 0.25f, 0.75f);
	tree_file.post = "PROBIT"; // leaves one column
	tree_file.weights[0] = 0.25f;
	tree_file_classifier(2);
	OUTPUTS("label", BOTH, 7, 9);
	(void)state;
}

// ONNX Runtime 1.30's own scores of two classes: a leaf for class 0, one for class 1, or both for the
// same; shares or margins; with and without base values.
static const struct {
	int64_t targets[2];
	float weights[2];
	const char *post;
	size_t n_base;
	float base[2];
	float scores[4];
} TWO_CLASSES[] = {
	{ { 0, 0 }, { 0.25, 1.5 }, "NONE", 0, { 0, 0 }, { 0.75f, 0.25f, -0.5f, 1.5f } },
	{ { 0, 0 }, { 0.25, 1.5 }, "NONE", 1, { 0.5, 0 }, { 0.25f, 0.75f, -1, 2 } },
	{ { 0, 0 }, { 0.25, 1.5 }, "NONE", 2, { 0.5, 0.75 }, { 0.75f, 0, 2, 0 } },
	{ { 0, 0 }, { 0.25, 1.5 }, "LOGISTIC", 0, { 0, 0 },
		{ 0.43782347f, 0.56217653f, 0.18242556f, 0.81757444f } },
	{ { 0, 0 }, { 0.25, 1.5 }, "LOGISTIC", 1, { 0.5, 0 },
		{ 0.32082129f, 0.67917871f, 0.11920297f, 0.88079703f } },
	{ { 0, 0 }, { 0.25, 1.5 }, "LOGISTIC", 2, { 0.5, 0.75 },
		{ 0.67917871f, 0.5f, 0.88079703f, 0.5f } },
	{ { 0, 0 }, { 0.25, 1.5 }, "SOFTMAX", 0, { 0, 0 }, { 0.75f, 0.25f, -0.5f, 1.5f } },
	{ { 0, 0 }, { 0.25, 1.5 }, "SOFTMAX", 2, { 0.5, 0.75 },
		{ 0.67917871f, 0.32082129f, 0.88079703f, 0.11920292f } },
	{ { 0, 0 }, { -1, 2 }, "NONE", 0, { 0, 0 }, { 1, -1, -2, 2 } },
	{ { 0, 0 }, { -1, 2 }, "NONE", 1, { 0.5, 0 }, { 0.5f, -0.5f, -2.5f, 2.5f } },
	{ { 0, 0 }, { -1, 2 }, "NONE", 2, { 0.5, 0.75 }, { -0.5f, 0, 2.5f, 0 } },
	{ { 0, 0 }, { -1, 2 }, "LOGISTIC", 0, { 0, 0 },
		{ 0.7310586f, 0.2689414f, 0.11920297f, 0.88079703f } },
	{ { 0, 0 }, { -1, 2 }, "LOGISTIC", 1, { 0.5, 0 },
		{ 0.62245935f, 0.37754065f, 0.075858176f, 0.92414182f } },
	{ { 0, 0 }, { -1, 2 }, "LOGISTIC", 2, { 0.5, 0.75 },
		{ 0.37754065f, 0.5f, 0.92414182f, 0.5f } },
	{ { 0, 0 }, { -1, 2 }, "SOFTMAX", 0, { 0, 0 }, { 1, -1, -2, 2 } },
	{ { 0, 0 }, { -1, 2 }, "SOFTMAX", 2, { 0.5, 0.75 },
		{ 0.37754068f, 0.62245935f, 0.92414182f, 0.075858176f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "NONE", 0, { 0, 0 }, { 0, 0.25f, 0, 1.5f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "NONE", 1, { 0.5, 0 }, { 0, 0.25f, 0, 1.5f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "NONE", 2, { 0.5, 0.75 }, { 0, 0.75f, 0, 0.75f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "LOGISTIC", 0, { 0, 0 },
		{ 0.5f, 0.56217653f, 0.5f, 0.81757444f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "LOGISTIC", 1, { 0.5, 0 },
		{ 0.5f, 0.56217653f, 0.5f, 0.81757444f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "LOGISTIC", 2, { 0.5, 0.75 },
		{ 0.5f, 0.67917871f, 0.5f, 0.67917871f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "SOFTMAX", 0, { 0, 0 },
		{ 0.4378235f, 0.56217653f, 0.18242551f, 0.81757444f } },
	{ { 1, 1 }, { 0.25, 1.5 }, "SOFTMAX", 2, { 0.5, 0.75 },
		{ 0.32082129f, 0.67917871f, 0.32082129f, 0.67917871f } },
	{ { 1, 1 }, { -1, 2 }, "NONE", 0, { 0, 0 }, { 0, -1, 0, 2 } },
	{ { 1, 1 }, { -1, 2 }, "NONE", 1, { 0.5, 0 }, { 0, -1, 0, 2 } },
	{ { 1, 1 }, { -1, 2 }, "NONE", 2, { 0.5, 0.75 }, { 0, 0.75f, 0, 0.75f } },
	{ { 1, 1 }, { -1, 2 }, "LOGISTIC", 0, { 0, 0 }, { 0.5f, 0.2689414f, 0.5f, 0.88079703f } },
	{ { 1, 1 }, { -1, 2 }, "LOGISTIC", 1, { 0.5, 0 }, { 0.5f, 0.2689414f, 0.5f, 0.88079703f } },
	{ { 1, 1 }, { -1, 2 }, "LOGISTIC", 2, { 0.5, 0.75 },
		{ 0.5f, 0.67917871f, 0.5f, 0.67917871f } },
	{ { 1, 1 }, { -1, 2 }, "SOFTMAX", 0, { 0, 0 },
		{ 0.7310586f, 0.26894143f, 0.11920292f, 0.88079703f } },
	{ { 1, 1 }, { -1, 2 }, "SOFTMAX", 2, { 0.5, 0.75 },
		{ 0.32082129f, 0.67917871f, 0.32082129f, 0.67917871f } },
	{ { 0, 1 }, { 0.25, 1.5 }, "NONE", 0, { 0, 0 }, { -0.25f, 0.25f, 0, 1.5f } },
	{ { 0, 1 }, { 0.25, 1.5 }, "NONE", 2, { 0.5, 0.75 }, { 0.75f, 0, 0, 0.75f } },
	{ { 0, 1 }, { 0.25, 1.5 }, "LOGISTIC", 0, { 0, 0 },
		{ 0.43782347f, 0.56217653f, 0.5f, 0.81757444f } },
	{ { 0, 1 }, { 0.25, 1.5 }, "LOGISTIC", 2, { 0.5, 0.75 },
		{ 0.67917871f, 0.5f, 0.5f, 0.67917871f } },
	{ { 0, 1 }, { 0.25, 1.5 }, "SOFTMAX", 0, { 0, 0 },
		{ -0.25f, 0.25f, 0.18242551f, 0.81757444f } },
	{ { 0, 1 }, { 0.25, 1.5 }, "SOFTMAX", 2, { 0.5, 0.75 },
		{ 0.67917871f, 0.32082129f, 0.32082129f, 0.67917871f } },
	{ { 0, 1 }, { -1, 2 }, "NONE", 0, { 0, 0 }, { 1, -1, 0, 2 } },
	{ { 0, 1 }, { -1, 2 }, "NONE", 2, { 0.5, 0.75 }, { -0.5f, 0, 0, 0.75f } },
	{ { 0, 1 }, { -1, 2 }, "LOGISTIC", 0, { 0, 0 },
		{ 0.7310586f, 0.2689414f, 0.5f, 0.88079703f } },
	{ { 0, 1 }, { -1, 2 }, "LOGISTIC", 2, { 0.5, 0.75 },
		{ 0.37754065f, 0.5f, 0.5f, 0.67917871f } },
	{ { 0, 1 }, { -1, 2 }, "SOFTMAX", 0, { 0, 0 }, { 1, -1, 0.11920292f, 0.88079703f } },
	{ { 0, 1 }, { -1, 2 }, "SOFTMAX", 2, { 0.5, 0.75 },
		{ 0.37754068f, 0.62245935f, 0.32082129f, 0.67917871f } },
};

static void scores_of_two_classes(void **state)
{
	for (size_t i = 0; i < LENGTH(TWO_CLASSES); i++) {
		tree_file_sound();
		memcpy(tree_file.targets, TWO_CLASSES[i].targets, sizeof(TWO_CLASSES[i].targets));
		memcpy(tree_file.weights, TWO_CLASSES[i].weights, sizeof(TWO_CLASSES[i].weights));
		memcpy(tree_file.base, TWO_CLASSES[i].base, sizeof(TWO_CLASSES[i].base));
		tree_file.n_base = TWO_CLASSES[i].n_base;
		tree_file.post = TWO_CLASSES[i].post;
		tree_file_classifier(2);
		outputs_are(NULL, BOTH, 2, TWO_CLASSES[i].scores, 4);
	}
	(void)state;
}

// The label goes by what the scores are made of, where a row meets no weight for the second class.
static void label_of_rows_without_the_second_class(void **state)
{
	tree_file_sound();
	tree_file.targets[1] = 1;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, 1, -1, 9, 0, 2);
	tree_file.weights[0] = 3;
	tree_file.n_base = 2;
	tree_file.base[0] = -4;
	tree_file.base[1] = 0.5f;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, -1, 0, 9, 0, 0.5f);
	(void)state;
}

// An input that is two rows by its own shape.
static void several_rows_of_one(void **state)
{
	tree_file_sound();
	tree_file_regressor();
	file.axes[0][0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
	file.axes[0][0].dim_value = 2;
	outputs_are(NULL, BOTH, 1, (const float[]){ -1, 2 }, 2);
	(void)state;
}

static void label_of_the_second_class_alone(void **state)
{
	tree_file_sound();
	tree_file.targets[0] = tree_file.targets[1] = 1;
	tree_file.weights[0] = 0.25f; // a share: the first class has the rest
	tree_file.weights[1] = 0.75f;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, 0, 0.25f, 9, 0, 0.75f);
	tree_file.weights[0] = -0.25f;
	tree_file.weights[1] = 0.25f;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 7, 0, -0.25f, 9, 0, 0.25f);
	(void)state;
}

static void label_of_two_sums_and_of_one_class(void **state)
{
	tree_file_sound();
	tree_file.targets[1] = 1;
	tree_file.weights[0] = 0.25f;
	tree_file.weights[1] = 0.125f;
	tree_file_classifier(2);
	OUTPUTS("label,y", BOTH, 9, -0.25f, 0.25f, 9, 0, 0.125f); // no weight for 9: of one sum
	tree_file_sound();
	tree_file_classifier(1);
	OUTPUTS("label,y", BOTH, 0, -1, 1, 2); // no other class: whether it is above 0
	(void)state;
}

// Two vectors' worth of coefficients, no support vectors: the highest of both scores above the
// limit is for the second class, whichever has it.
static void label_of_a_linear_svm(void **state)
{
	static float margins[4] = { 1, 0, 0, -1 }, shares[4] = { 1, 0, 0, 1 }, rho[2];
	static const float rows[6] = { 2, 1, -2, 1, -1, 2 };
	static const float other[4] = { 0.25f, 0.125f, 0.75f, 0.25f };
	Onnx__NodeProto *node;

	tree_file_sound();
	for (int i = 0; i < 2; i++) {
		node = tree_file_operator("SVMClassifier", "label", "y");
		file_floats(node, "coefficients", i ? shares : margins, 4);
		file_floats(node, "rho", rho, 2);
		file_ints(node, "classlabels_ints", tree_file.labels, 2);
		if (i == 0)
			OUTPUTS("label,y", rows, 9, 2, -1, 9, -2, -1, 7, -1, -2);
		else
			OUTPUTS("label,y", other, 7, 0.25f, 0.125f, 9, 0.75f, 0.25f);
	}
	(void)state;
}

static void members_of_every_kind(void **state)
{
	static const float rows[] = { 3, 0, 1, 0, 2, 0, 1.5f, 0, -1, 0, -0.0f, 0, INFINITY, 0, NAN,
		0 };
	static const double odd[] = { 1.5, -1, (double)INFINITY, 0, 1e300, 0.1, 3, (double)NAN };

	tree_file_sound_ensemble();
	tree_file_ensemble(3);
	OUTPUTS(NULL, rows, 2, 2, -1, -1, -1, -1, -1, -1);
	memcpy(tree_file.members, odd, sizeof(odd));
	tree_file_ensemble(8);
	OUTPUTS(NULL, rows, 2, -1, -1, 2, 2, 2, 2, -1);
	tree_file.members[0] = (double)NAN; // no member at all
	tree_file_ensemble(1);
	OUTPUTS(NULL, rows, -1, -1, -1, -1, -1, -1, -1, -1);
	(void)state;
}

// x[0] MODE 1.2 leads to 2, else to -1; the float32 of a row's 1.2 is above it.
static void split_at_1_2(uint8_t mode)
{
	tree_file_sound_ensemble();
	tree_file.mode_bytes[0] = mode;
	tree_file_ensemble(0);
	tree_file.splits[0] = 1.2;
}

static void thresholds_of_64_bits(void **state)
{
	enum { LEQ, LT, GTE, GT, EQ, NEQ };
	static const struct compile_options FLOOR = { .thresholds = THRESHOLDS_FLOOR },
					    NEAREST = { .thresholds = THRESHOLDS_NEAREST };
	const float below = nextafterf(1.2f, 0), above = nextafterf(1.2f, 2);
	const float rows[] = { below, 0, 1.2f, 0, above, 0 };
	static const struct {
		uint8_t mode;
		float nearest[3], floor[3];
	} CASES[] = {
		{ LEQ, { 2, 2, -1 }, { 2, -1, -1 } },
		{ LT, { 2, -1, -1 }, { 2, -1, -1 } },
		{ GTE, { -1, 2, 2 }, { -1, 2, 2 } },
		{ GT, { -1, -1, 2 }, { -1, 2, 2 } },
		{ EQ, { -1, 2, -1 }, { -1, 2, -1 } },
		{ NEQ, { 2, -1, 2 }, { 2, -1, 2 } },
	};

	for (size_t i = 0; i < LENGTH(CASES); i++) {
		split_at_1_2(CASES[i].mode);
		outputs_by(&NEAREST, rows, 3, CASES[i].nearest, 3);
		split_at_1_2(CASES[i].mode);
		outputs_by(&FLOOR, rows, 3, CASES[i].floor, 3);
		split_at_1_2(CASES[i].mode); // float32 inputs
		outputs_by(NULL, rows, 3, CASES[i].floor, 3);
		split_at_1_2(CASES[i].mode);
		file.tensors[0].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
		outputs_by(NULL, rows, 3, CASES[i].nearest, 3);
		split_at_1_2(CASES[i].mode);
		file.tensors[0].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
		file.model.producer_name = file_name("skl2onnx");
		outputs_by(NULL, rows, 3, CASES[i].floor, 3);
	}
	(void)state;
}

// NaN fails every comparison but "differs"; a branch that tracks missing values takes it for true. What
// ONNX Runtime 1.30 answers for NaN, 0.5 and 1; for an import that swaps branches, too.
static void missing_values_of_every_mode(void **state)
{
	static const float rows[] = { NAN, 0, 0.5f, 0, 1, 0 };
	static const struct {
		const char *mode;
		float plain, tracked; // of NaN
		float half, one;
	} CASES[] = {
		{ "BRANCH_LEQ", 2, -1, -1, 2 },
		{ "BRANCH_LT", 2, -1, 2, 2 },
		{ "BRANCH_GTE", 2, -1, -1, -1 },
		{ "BRANCH_GT", 2, -1, 2, -1 },
		{ "BRANCH_EQ", 2, -1, -1, 2 },
		{ "BRANCH_NEQ", -1, -1, 2, -1 },
	};
	static int64_t tracks[3];

	for (size_t i = 0; i < 2 * LENGTH(CASES); i++) {
		const size_t c = i / 2;

		tree_file_sound();
		tree_file.modes[0] = (ProtobufCBinaryData){ strlen(CASES[c].mode),
			(uint8_t *)file_name(CASES[c].mode) };
		tree_file_regressor();
		tracks[0] = i % 2;
		file_ints(&file.nodes[0], "nodes_missing_value_tracks_true", tracks, 3);
		outputs_by(NULL, rows, 3,
			(const float[]){ i % 2 ? CASES[c].tracked : CASES[c].plain, CASES[c].half,
				CASES[c].one },
			3);
	}
	(void)state;
}

// The nearest float32 is meant by a member that is none.
static void members_of_64_bits(void **state)
{
	const float rows[] = { 1.2f, 0, nextafterf(1.2f, 0), 0, 0.1f, 0 };
	static const double members[3] = { 1.2, 0.1, (double)NAN };

	tree_file_sound_ensemble();
	memcpy(tree_file.members, members, sizeof(members));
	tree_file_ensemble(3);
	OUTPUTS(NULL, rows, 2, -1, 2);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_of_one_sum),
		cmocka_unit_test(scores_of_two_classes),
		cmocka_unit_test(label_of_rows_without_the_second_class),
		cmocka_unit_test(several_rows_of_one),
		cmocka_unit_test(label_of_the_second_class_alone),
		cmocka_unit_test(label_of_two_sums_and_of_one_class),
		cmocka_unit_test(label_of_a_linear_svm),
		cmocka_unit_test(members_of_every_kind),
		cmocka_unit_test(thresholds_of_64_bits),
		cmocka_unit_test(missing_values_of_every_mode),
		cmocka_unit_test(members_of_64_bits),
	};

	return cmocka_run_group_tests_name("onnx_trees", tests, NULL, file_end);
}
