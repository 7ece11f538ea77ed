// SPDX-License-Identifier: BSD-3-Clause
// Operators of ai.onnx.ml: small files, scores worked out by hand or with sklearn (SVC of iris).
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static Onnx__NodeProto *operator_of(const char *type, int64_t columns)
{
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, columns);
	node = file_node(type, "x", NULL, "y", NULL);
	node->domain = file_name("ai.onnx.ml");
	file_output("y");
	return node;
}

static void text(Onnx__NodeProto *node, const char *name, const char *value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(STRING));

	attr->has_s = 1;
	attr->s.data = (uint8_t *)file_name(value);
	attr->s.len = strlen(value);
}

static void number(Onnx__NodeProto *node, const char *name, float value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(FLOAT));

	attr->has_f = 1;
	attr->f = value;
}

static void whole(Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(INT));

	attr->has_i = 1;
	attr->i = value;
}

// The file's scores of rows [n_rows] are `expected`, n of them in all.
static void scores_are(const float *rows, uint32_t n_rows, const float *expected, uint32_t n)
{
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model;
	size_t size, image_size;
	uint8_t *bytes = file_pack(&size);
	float made[64];
	void *image, *scratch;

	if (compile_bytes("f", bytes, size, NULL, &image, &image_size, NULL, &err) != 0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(n_rows * model_info(model)->n_outputs, n);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, n_rows) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, rows, made, n_rows, scratch, n_rows);
	free(scratch);
	for (uint32_t i = 0; i < n; i++) {
		if (!(made[i] == expected[i] || fabsf(made[i] - expected[i]) <= 1e-5f))
			fail_msg("value %u is %g, should be %g", i, (double)made[i],
				(double)expected[i]);
	}
	model_close(model);
	free(image);
	free(bytes);
}
#define SCORES(rows, n_rows, ...)                                                                  \
	scores_are(rows, n_rows, (const float[]){ __VA_ARGS__ },                                   \
		sizeof((const float[]){ __VA_ARGS__ }) / sizeof(float))

static void imputer_replaces_nan_and_numbers(void **state)
{
	static float by[2] = { 7, 8 };
	static int64_t nine = 9;
	const float rows[] = { NAN, 1, 4, NAN, 4, -0.0f };
	const float sound[] = { 1, 4, 4, 0 };
	Onnx__NodeProto *node = operator_of("Imputer", 2);

	file_floats(node, "imputed_value_floats", by, 2);
	number(node, "replaced_value_float", NAN);
	SCORES(rows, 3, 7, 1, 4, 8, 4, 0);
	file.attrs[1].f = 4;
	SCORES(sound, 2, 1, 8, 7, 0);
	file.attrs[0].n_floats = 1;
	SCORES(sound, 2, 1, 7, 7, 0);
	node = operator_of("Imputer", 2);
	file.tensors[0].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	file_ints(node, "imputed_value_int64s", &nine, 1);
	whole(node, "replaced_value_int64", 4);
	SCORES(sound, 2, 1, 9, 9, 0);
}

static void binarizer_is_above(void **state)
{
	const float rows[] = { 0.5f, 0.6f, NAN, -1 };

	number(operator_of("Binarizer", 2), "threshold", 0.5f);
	SCORES(rows, 2, 0, 1, 0, 0);
	operator_of("Binarizer", 2);
	SCORES(rows, 2, 1, 1, 0, 0);
}

static void one_hot_of_what_is_known(void **state)
{
	static int64_t categories[3] = { 4, -1, 3 };
	const float rows[] = { 4, 3.9f, 5, -1 };

	file_ints(operator_of("OneHotEncoder", 2), "cats_int64s", categories, 3);
	SCORES(rows, 2, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
}

static void label_encoder_takes_the_first_key(void **state)
{
	static float keys[4] = { 4, 0, 4, NAN };
	static int64_t values[4] = { 40, 50, 60, 70 }, whole_keys[2] = { 4, -1 };
	static float reals[2] = { 0.5f, 1.5f };
	const float rows[] = { 4, -0.0f, 4.5f, NAN }, sound[] = { 4, -1, 3, 4 };
	Onnx__NodeProto *node = operator_of("LabelEncoder", 2);

	file_floats(node, "keys_floats", keys, 4);
	file_ints(node, "values_int64s", values, 4);
	SCORES(rows, 2, 40, 50, -1, 70);
	whole(node, "default_int64", 9);
	SCORES(rows, 2, 40, 50, 9, 70);
	node = operator_of("LabelEncoder", 2);
	file.tensors[0].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	file_ints(node, "keys_int64s", whole_keys, 2);
	file_floats(node, "values_floats", reals, 2);
	number(node, "default_float", 2.5f);
	SCORES(sound, 2, 0.5f, 1.5f, 2.5f, 0.5f);
}

static void columns_are_picked_and_joined(void **state)
{
	static int64_t two[2] = { 2, 2 };
	const float row[] = { 1, 2 };
	Onnx__NodeProto *node = operator_of("FeatureVectorizer", 2);

	node->input[1] = file_name("x");
	node->n_input = 2;
	file_ints(node, "inputdimensions", two, 2);
	SCORES(row, 1, 1, 2, 1, 2);
}

// Two support vectors of two columns, of which the first is of the row's kind.
static Onnx__NodeProto *regressor(const char *kernel)
{
	static float vectors[4] = { 1, 2, 0, -1 }, weights[2] = { 2, -1 }, rho = 0.25f;
	static float params[3] = { 0.5f, 1, 2 };
	Onnx__NodeProto *node = operator_of("SVMRegressor", 2);

	file_floats(node, "support_vectors", vectors, 4);
	file_floats(node, "coefficients", weights, 2);
	file_floats(node, "rho", &rho, 1);
	file_floats(node, "kernel_params", params, 3);
	whole(node, "n_supports", 2);
	text(node, "kernel_type", kernel);
	return node;
}

static void regressor_of_every_kernel(void **state)
{
	const float row[] = { 2, 1 }; // products 4 and -1, squared distances 2 and 8

	regressor("LINEAR");
	SCORES(row, 1, 2 * 4 + 1 + 0.25f);
	regressor("POLY");
	SCORES(row, 1, 2 * 9 - 0.25f + 0.25f);
	regressor("RBF");
	SCORES(row, 1, 2 * expf(-1) - expf(-4) + 0.25f);
	regressor("SIGMOID");
	SCORES(row, 1, 2 * tanhf(3) - tanhf(0.5f) + 0.25f);
	whole(regressor("LINEAR"), "one_class", 1);
	SCORES(row, 1, 1);
}

static void regressor_without_vectors_is_linear(void **state)
{
	static float weights[2] = { 2, -1 }, rho = 0.25f;
	const float row[] = { 2, 1 };
	Onnx__NodeProto *node = operator_of("SVMRegressor", 2);

	file_floats(node, "coefficients", weights, 2);
	file_floats(node, "rho", &rho, 1);
	SCORES(row, 1, 3.25f);
}

// One vector a class, three classes: pairs (0, 1), (0, 2), (1, 2).
static Onnx__NodeProto *classifier(void)
{
	static float vectors[3] = { 1, 2, 4 }, rho[3] = { 0.5f, 0, -1 };
	static float weights[6] = { 1, -2, -3, 4, 5, -6 };
	static int64_t one[3] = { 1, 1, 1 }, labels[3] = { 7, 8, 9 };
	Onnx__NodeProto *node = operator_of("SVMClassifier", 1);

	node->output[0] = file_name("label");
	node->output[1] = file_name("y");
	node->n_output = 2;
	file_floats(node, "support_vectors", vectors, 3);
	file_floats(node, "coefficients", weights, 6);
	file_floats(node, "rho", rho, 3);
	file_ints(node, "vectors_per_class", one, 3);
	file_ints(node, "classlabels_ints", labels, 3);
	return node;
}

static void classifier_decides_each_pair(void **state)
{
	const float row[] = { 1 };

	classifier();
	// (0, 1): 1 * w[0][0] + 2 * w[0][1]; (0, 2): 1 * w[1][0] + 4 * w[0][2]; (1, 2): ...
	SCORES(row, 1, 1 - 4 + 0.5f, 4 - 12, 2 * 5 - 4 * 6 - 1);
}

// Where every pair is a toss-up, each class has a third; where they agree, their order shows.
static void classifier_couples_probabilities(void **state)
{
	static float none[3] = { 0, 0, 0 }, b[3] = { 0, 0, 0 };
	const float row[] = { 1 };
	Onnx__NodeProto *node = classifier();

	file_floats(node, "prob_a", none, 3);
	file_floats(node, "prob_b", b, 3);
	SCORES(row, 1, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f);
}

static void post_transforms_of_a_regressor(void **state)
{
	static float weights[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 }, none[3];
	const float row[] = { 0.1f, 0.2f, 0 }, half[] = { 0.5f, 0.9f, 0.1f };
	Onnx__NodeProto *node = operator_of("LinearRegressor", 3);

	file_floats(node, "coefficients", weights, 9);
	file_floats(node, "intercepts", none, 3);
	whole(node, "targets", 3);
	text(node, "post_transform", "SOFTMAX_ZERO");
	SCORES(row, 1, 1 / (1 + expf(0.1f)), 1 / (1 + expf(-0.1f)), 0);
	file.attrs[3].s = (ProtobufCBinaryData){ 6, (uint8_t *)file_name("PROBIT") };
	SCORES(half, 1, 0, 1.281712f, -1.281713f); // the approximation's; 1.281552 is exact
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imputer_replaces_nan_and_numbers),
		cmocka_unit_test(binarizer_is_above),
		cmocka_unit_test(one_hot_of_what_is_known),
		cmocka_unit_test(label_encoder_takes_the_first_key),
		cmocka_unit_test(columns_are_picked_and_joined),
		cmocka_unit_test(regressor_of_every_kernel),
		cmocka_unit_test(regressor_without_vectors_is_linear),
		cmocka_unit_test(classifier_decides_each_pair),
		cmocka_unit_test(classifier_couples_probabilities),
		cmocka_unit_test(post_transforms_of_a_regressor),
	};
	return cmocka_run_group_tests_name("onnx_ml", tests, NULL, file_end);
}
