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

// x [B, 3, 4] for queries, keys and values.
static Onnx__NodeProto *attention(const char *domain, const char *type)
{
	Onnx__NodeProto *made;

	file_begin(23);
	file.in_list[file.graph.n_input++] =
		file_info("x", 3, (const int64_t[]){ FILE_DIM_OPEN, 3, 4 });
	made = file_node(type, "x", "x", "y", NULL);
	made->input[2] = file_name("x");
	made->n_input = 3;
	made->domain = file_name(domain);
	file_output("y");
	return made;
}

static void say_int(Onnx__NodeProto *to, const char *name, int64_t value)
{
	Onnx__AttributeProto *made =
		file_attr(to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	made->has_i = 1;
	made->i = value;
}

static void attention_of_no_heads(void **state)
{
	static const int64_t WRONG[] = { 0, -1, 3, INT64_MAX, INT64_MIN };
	char part[160];

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		snprintf(part, sizeof(part),
			"[1, 3, 4] [N, length, heads * size] are not of %lld heads",
			(long long)WRONG[i]);
		say_int(attention("", "Attention"), "q_num_heads", WRONG[i]);
		file_refused(-EINVAL, part);
		say_int(attention("com.microsoft", "MultiHeadAttention"), "num_heads", WRONG[i]);
		file_refused(-EINVAL, part);
	}
}

static void attention_that_does_not_fit(void **state)
{
	Onnx__NodeProto *n = attention("", "Attention");

	(void)state;
	say_int(n, "q_num_heads", 2);
	say_int(n, "kv_num_heads", 4);
	file_refused_with(-EINVAL,
		"node 'Attention_0' (Attention): queries [1, 2, 3, 2], keys [1, 4, 3, 1] and "
		"values "
		"[1, 4, 3, 1] [N, heads, length, size] do not fit each other");
	file.attrs[1].i = 1;
	file_refused(-EINVAL, "do not fit each other");
	file.attrs[1].i = 2;
	file_accepted();
	say_int(n, "qk_matmul_output_mode", 4);
	file_refused_with(-EINVAL,
		"node 'Attention_0' (Attention): qk_matmul_output_mode is 4, should be 0 to 3");
	file.attrs[2].i = 0;
	file_weight("m", 2, 2, file_values);
	n->input[3] = file_name("m");
	n->n_input = 4;
	file_refused(-EINVAL, "do not broadcast");
	n = attention("com.microsoft", "MultiHeadAttention");
	say_int(n, "num_heads", 2);
	file_weight("b", 5, 0, file_values);
	n->input[3] = file_name("b");
	n->n_input = 4;
	file_refused(-EINVAL, "the bias [5] does not fit queries, keys and values");
}

static void rotary_of_what_does_not_turn(void **state)
{
	static const int64_t WRONG[] = { 1, 3, 6, -2, INT64_MIN, INT64_MAX };
	Onnx__NodeProto *n;

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		n = attention("", "RotaryEmbedding");
		say_int(n, "num_heads", 1);
		say_int(n, "rotary_embedding_dim", WRONG[i]);
		file_refused(-EINVAL, "values of each head's 4 are to be rotated, in pairs");
	}
	n = attention("", "RotaryEmbedding");
	say_int(n, "num_heads", 3);
	file_refused(-EINVAL, "should have 4 dimensions, or 3 that num_heads, 3, divides");
	n = attention("", "RotaryEmbedding");
	say_int(n, "num_heads", 1);
	file_refused(-EINVAL, "cosines and sines [1, 3, 4] should be [N, 3, 2]");
}

static void weights_of_a_recurrent_layer(void **state)
{
	Onnx__NodeProto *n = of("DynamicQuantizeLSTM", "x", "w");

	(void)state;
	file_weight("w", 2, 2, file_values);
	n->input[2] = file_name("w");
	n->n_input = 3;
	file_refused(-EINVAL, "input 1 should have 3 dimensions");
}

// RandomNormal, of ai.onnx, is a constant here: a few bytes of a file may ask for any size.
static void noise_of_any_size(void **state)
{
	static int64_t dims[2] = { INT64_MAX, 2 }, none[2] = { 2, -1 };
	Onnx__NodeProto *n = of("RandomNormal", NULL, NULL);

	(void)state;
	n->domain = NULL;
	file_refused(-EINVAL, "attribute 'shape' should have up to 8 dimensions");
	file_ints(n, "shape", dims, 2);
	file_refused(-ENOTSUP, "dimension 0 of the noise is 9223372036854775807");
	file.attrs[0].ints = none;
	file_refused(-ENOTSUP, "dimension 1 of the noise is -1");
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
		cmocka_unit_test_teardown(attention_of_no_heads, file_end),
		cmocka_unit_test_teardown(attention_that_does_not_fit, file_end),
		cmocka_unit_test_teardown(rotary_of_what_does_not_turn, file_end),
		cmocka_unit_test_teardown(weights_of_a_recurrent_layer, file_end),
		cmocka_unit_test_teardown(noise_of_any_size, file_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
