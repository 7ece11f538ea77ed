// SPDX-License-Identifier: BSD-3-Clause
// Operators of ai.onnx.ml whose attributes lie: lists of different lengths, numbers out of range or
// wrapping, none at all. Each is refused with one sentence that names node and attribute.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <string.h>

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static float zeros[8];
static int64_t numbers[4] = { 1, 2, 3, 4 };
static ProtobufCBinaryData names[2] = { { 1, (uint8_t *)"p" }, { 1, (uint8_t *)"q" } };

static Onnx__NodeProto *operator_of(const char *type)
{
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	node = file_node(type, "x", NULL, "y", NULL);
	node->name = file_name("n");
	node->domain = file_name("ai.onnx.ml");
	file_output("y");
	return node;
}

static void whole(Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(INT));

	attr->has_i = 1;
	attr->i = value;
}

static void strings(Onnx__NodeProto *node, const char *name)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(STRINGS));

	attr->strings = names;
	attr->n_strings = 2;
}

static void text(Onnx__NodeProto *node, const char *name, const char *value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(STRING));

	attr->has_s = 1;
	attr->s.data = (uint8_t *)file_name(value);
	attr->s.len = strlen(value);
}

static Onnx__NodeProto *regressor(size_t vectors, size_t weights, size_t rho, int64_t n)
{
	Onnx__NodeProto *node = operator_of("SVMRegressor");

	file_floats(node, "support_vectors", zeros, vectors);
	file_floats(node, "coefficients", zeros, weights);
	file_floats(node, "rho", zeros, rho);
	whole(node, "n_supports", n);
	return node;
}

static void regressors(void **state)
{
	regressor(4, 2, 1, 2);
	file_accepted();
	regressor(4, 2, 1, -1);
	file_refused_with(
		-EINVAL, "node 'n' (SVMRegressor): n_supports is -1, should be at least 0");
	regressor(4, 2, 1, INT64_MAX);
	file_refused(-EINVAL, "support_vectors has 4 values, should have 9223372036854775807 of 2");
	regressor(5, 2, 1, 2);
	file_refused(-EINVAL, "support_vectors has 5 values, should have 2 of 2 columns");
	regressor(4, 3, 1, 2);
	file_refused(-EINVAL, "3 coefficients for 2 support vectors");
	regressor(4, 2, 0, 2);
	file_refused(-EINVAL, "has no rho");
	regressor(4, 0, 1, 2);
	file_refused(-EINVAL, "has no coefficients");
	regressor(0, 3, 1, 0);
	file_refused(-EINVAL, "3 coefficients for 1 outputs of 2 columns");
	text(regressor(4, 2, 1, 2), "kernel_type", "RBF");
	file_refused(-EINVAL, "kernel_params has 0 values, should have 3: gamma, coef0, degree");
	text(regressor(4, 2, 1, 2), "kernel_type", "COSINE");
	file_refused(-EINVAL, "kernel_type is 'COSINE', should be LINEAR, POLY, RBF or SIGMOID");
	file_floats(regressor(4, 2, 1, 2), "kernel_params", zeros, 2);
	file_refused(-EINVAL, "kernel_params has 2 values");
	whole(regressor(4, 2, 1, 2), "kernel_params", 2);
	file_refused(-EINVAL, "kernel_params");
}

// Two classes of one vector each, of two columns.
static Onnx__NodeProto *classifier(int64_t *per_class, size_t n_per_class, size_t labels)
{
	Onnx__NodeProto *node = operator_of("SVMClassifier");

	node->output[0] = file_name("label");
	node->output[1] = file_name("y");
	node->n_output = 2;
	file_floats(node, "support_vectors", zeros, 4);
	file_floats(node, "coefficients", zeros, 2);
	file_floats(node, "rho", zeros, 1);
	file_ints(node, "vectors_per_class", per_class, n_per_class);
	file_ints(node, "classlabels_ints", numbers, labels);
	return node;
}

static void classifiers(void **state)
{
	static int64_t one[3] = { 1, 1, 1 }, negative[2] = { 3, -1 },
		       wrapping[2] = { INT64_MAX, INT64_MAX }, many[2] = { 4, 4 };

	classifier(one, 2, 2);
	file_accepted();
	classifier(negative, 2, 2);
	file_refused_with(
		-EINVAL, "node 'n' (SVMClassifier): vectors_per_class has -1, should be 0 to 4");
	classifier(wrapping, 2, 2);
	file_refused(-EINVAL, "vectors_per_class has 9223372036854775807, should be 0 to 4");
	classifier(many, 2, 2);
	file_refused(-EINVAL, "vectors_per_class has 8 vectors, support_vectors 4 values");
	classifier(one, 3, 2);
	file_refused(-EINVAL, "3 vectors_per_class for 2 class labels");
	classifier(one, 2, 0);
	file_refused(-EINVAL, "0 class labels, should be 1 to 256");
	classifier(one, 1, 1);
	file_refused(-EINVAL, "1 vectors_per_class for 1 class labels");
	file_floats(classifier(one, 2, 2), "prob_a", zeros, 1);
	file_refused(-EINVAL, "2 coefficients, 1 rho, 1 prob_a, 0 prob_b for 2 classes");
	classifier(one, 2, 2);
	file.attrs[2].n_floats = 2;
	file_refused(-EINVAL, "2 coefficients, 2 rho");
}

static void imputers(void **state)
{
	Onnx__NodeProto *node = operator_of("Imputer");

	file_refused_with(-EINVAL,
		"node 'n' (Imputer): the input is float32, but imputed_value_floats or "
		"replaced_value_float is missing");
	file_ints(node, "imputed_value_int64s", numbers, 2);
	whole(node, "replaced_value_int64", 1);
	file_refused(-EINVAL, "the input is float32, but imputed_value_floats");
	node = operator_of("Imputer");
	file_floats(node, "imputed_value_floats", zeros, 3);
	file_attr(node, "replaced_value_float", TYPE(FLOAT))->has_f = 1;
	file_refused(-EINVAL, "3 imputed values for 2 columns, should be 1 or one for each");
}

static void encoders(void **state)
{
	static int64_t twice[3] = { 5, -2, 5 };
	Onnx__NodeProto *node = operator_of("OneHotEncoder");

	file_refused(-EINVAL, "attribute 'cats_int64s' has 0 values");
	strings(node, "cats_strings");
	file_refused(-EINVAL, "the input is numbers, and attribute 'cats_strings' is there");
	file_ints(operator_of("OneHotEncoder"), "cats_int64s", twice, 3);
	file_refused_with(-EINVAL, "node 'n' (OneHotEncoder): attribute 'cats_int64s' has 5 twice");

	node = operator_of("LabelEncoder");
	file_refused_with(-EINVAL, "node 'n' (LabelEncoder): has no keys");
	file_floats(node, "keys_floats", zeros, 2);
	file_refused(-EINVAL, "has no values");
	file_ints(node, "values_int64s", numbers, 3);
	file_refused(-EINVAL, "2 keys and 3 values");
	file_floats(node, "values_floats", zeros, 2);
	file_refused(-EINVAL, "values are given as int64s and as floats");
	node = operator_of("LabelEncoder");
	file_ints(node, "keys_int64s", numbers, 2);
	file_ints(node, "values_int64s", numbers, 2);
	file_refused(-EINVAL, "the input is float32, the keys are int64");
	node = operator_of("LabelEncoder");
	file_floats(node, "keys_floats", zeros, 2);
	strings(node, "values_strings");
	file_accepted();
	node = operator_of("LabelEncoder");
	strings(node, "keys_strings");
	file_floats(node, "values_floats", zeros, 2);
	file_refused(-EINVAL, "the input is numbers, the keys are text");
	strings(operator_of("LabelEncoder"), "classes_strings");
	file_refused(-EINVAL, "the input is float32, the keys are int64");
	strings(operator_of("CategoryMapper"), "cats_strings");
	file_refused(-EINVAL, "has no cats_int64s");
}

static void extractors(void **state)
{
	Onnx__NodeProto *node = operator_of("ArrayFeatureExtractor");
	static float out[2] = { 0, 2 }, negative[1] = { -1 };

	node->input[1] = file_name("i");
	node->n_input = 2;
	file_weight("i", 2, 0, out);
	file_refused_with(-EINVAL, "node 'n' (ArrayFeatureExtractor): index 2 of 2 columns");
	file.weights[0].float_data = negative;
	file.weights[0].n_float_data = 1;
	file.weights[0].dims[0] = 1;
	file_refused(-EINVAL, "index -1 of 2 columns");
}

static void vectorizers(void **state)
{
	file_ints(operator_of("FeatureVectorizer"), "inputdimensions", numbers, 1);
	file_refused_with(-EINVAL,
		"node 'n' (FeatureVectorizer): input 0 has 2 columns, inputdimensions says 1");
	file_ints(operator_of("FeatureVectorizer"), "inputdimensions", numbers, 2);
	file_refused(-EINVAL, "2 inputdimensions for 1 inputs");
}

// An attribute without a name is nobody's, one that says TENSOR must have one.
static void attributes_that_are_none(void **state)
{
	Onnx__NodeProto *node = operator_of("FeatureVectorizer");

	file_floats(node, "", zeros, 1);
	file_accepted();
	node = operator_of("LabelEncoder");
	file_attr(node, "keys_tensor", TYPE(TENSOR));
	file_refused(-EINVAL, "attribute 'keys_tensor' is not of the type it must have");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regressors),
		cmocka_unit_test(classifiers),
		cmocka_unit_test(imputers),
		cmocka_unit_test(encoders),
		cmocka_unit_test(extractors),
		cmocka_unit_test(vectorizers),
		cmocka_unit_test(attributes_that_are_none),
	};
	return cmocka_run_group_tests_name("onnx_ml_hostile", tests, NULL, file_end);
}
