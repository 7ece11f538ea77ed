// SPDX-License-Identifier: BSD-3-Clause
// Operators of com.microsoft that are wrong in attributes or inputs. What right ones score is compared
// by test_operators.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

static Onnx__NodeProto *of(const char *type, const char *in0, const char *in1)
{
	Onnx__NodeProto *made;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	made = file_node(type, in0, in1, "y", NULL);
	made->domain = file_name("com.microsoft");
	file_output("y");
	return made;
}

static void operators_that_are_not_read(void **state)
{
	(void)state;
	of("Rfft", "x", NULL);
	file_refused_with(-ENOTSUP,
		"node 'Rfft_0' (Rfft): operator of com.microsoft not supported; martletctl(1) "
		"lists those that are");
	of("Relu", "x", NULL); // ai.onnx's is another
	file_refused_with(-ENOTSUP,
		"node 'Relu_0' (Relu): operator of com.microsoft not supported; martletctl(1) "
		"lists those that are");
}

static void opset_may_be_left_out(void **state)
{
	(void)state;
	of("Gelu", "x", NULL);
	file_accepted();
	file.opsets[1].domain = file_name("com.microsoft");
	file_refused_with(-ENOTSUP,
		"node 'Gelu_0' (Gelu): the file imports opset 2 of com.microsoft, supported are 1 "
		"to 1");
}

static void activations_that_are_not_known(void **state)
{
	Onnx__AttributeProto *attr;

	(void)state;
	attr = file_attr(of("FusedMatMulActivation", "x", "w"), "activation",
		ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	file_weight("w", 2, 2, file_values);
	attr->has_s = 1;
	attr->s.data = (uint8_t *)file_name("Nothing");
	attr->s.len = 7;
	file_refused_with(-ENOTSUP,
		"node 'FusedMatMulActivation_0' (FusedMatMulActivation): activation 'Nothing' is "
		"not supported");
}

static void inputs_that_are_missing(void **state)
{
	static const char *const TYPES[] = { "QGemm", "QLinearAdd", "QLinearMul", "QLinearSigmoid",
		"QLinearLeakyRelu", "QLinearSoftmax", "QLinearReduceMean", "QLinearAveragePool",
		"QLinearGlobalAveragePool" };
	char sentence[160];

	(void)state;
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++) {
		of(TYPES[i], "x", NULL);
		snprintf(sentence, sizeof(sentence), "node '%s_0' (%s): input 1 is missing",
			TYPES[i], TYPES[i]);
		file_refused_with(-EINVAL, sentence);
	}
	of("QLinearWhere", "x", NULL);
	file_refused(-EINVAL, "input 1 is missing");
	of("QLinearConcat", "x", "x");
	file_refused(-EINVAL, "has 2 inputs, should have 2 and 3 for each");
	of("EmbedLayerNormalization", "x", "x");
	file_refused(-EINVAL, "input 2 is missing");
}

static void what_is_quantised_must_be_integers(void **state)
{
	Onnx__NodeProto *n = of("QLinearSigmoid", "x", "s");

	(void)state;
	file_weight("s", 1, 0, file_values);
	n->input[2] = file_name("");
	n->input[3] = file_name("s");
	n->n_input = 4;
	file_refused(-EINVAL, "is float32, should be int8, uint8, int16, uint16 or int32");
}

static void outputs_for_training(void **state)
{
	Onnx__NodeProto *n = of("SkipLayerNormalization", "x", "x");

	(void)state;
	file_weight("g", 2, 0, file_values);
	n->input[2] = file_name("g");
	n->n_input = 3;
	file_accepted();
	n->output[1] = file_name("mean");
	n->n_output = 2;
	file_refused(-ENOTSUP, "output 1 is for training; only outputs 0 and 3 are supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(operators_that_are_not_read, file_end),
		cmocka_unit_test_teardown(opset_may_be_left_out, file_end),
		cmocka_unit_test_teardown(activations_that_are_not_known, file_end),
		cmocka_unit_test_teardown(inputs_that_are_missing, file_end),
		cmocka_unit_test_teardown(what_is_quantised_must_be_integers, file_end),
		cmocka_unit_test_teardown(outputs_for_training, file_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
