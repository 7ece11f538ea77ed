// SPDX-License-Identifier: BSD-3-Clause
// Sequences, draws at random, constants of few bits: what of them is refused. Their scores are compared
// by test_operators.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <string.h>

static void begin(int64_t opset)
{
	file_begin(opset);
	file_input("x", FILE_DIM_OPEN, 2);
}

static void a_sequence_is_taken_by_its_operators_alone(void **state)
{
	begin(13);
	file_node("SequenceConstruct", "x", "x", "s", NULL);
	file_node("Relu", "s", NULL, "y", NULL);
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'Relu_1' (Relu): input 0 ('s') is a sequence, which only operators of "
		"sequences take");
	begin(13);
	file_node("SequenceConstruct", "x", NULL, "s", NULL);
	file_node("SequenceConstruct", "s", NULL, "t", NULL);
	file_output("t");
	file_refused_with(-ENOTSUP,
		"node 'SequenceConstruct_1' (SequenceConstruct): input 0 ('s') is a sequence, "
		"which "
		"only operators of sequences take");
	begin(13);
	file_node("SequenceLength", "x", NULL, "y", NULL);
	file_output("y");
	file_refused_with(
		-EINVAL, "node 'SequenceLength_0' (SequenceLength): input 0 should be a sequence");
}

static void a_place_outside_of_a_sequence_is_refused(void **state)
{
	static int64_t places[] = { 2, -3, INT64_MIN, INT64_MAX };
	static const char *const SENTENCES[] = {
		"node 'SequenceAt_1' (SequenceAt): place 2 is not in a sequence of 2 tensors",
		"node 'SequenceAt_1' (SequenceAt): place -1 is not in a sequence of 2 tensors",
		"node 'SequenceAt_1' (SequenceAt): place -9223372036854775806 is not in a sequence "
		"of "
		"2 tensors",
		"node 'SequenceAt_1' (SequenceAt): place 9223372036854775807 is not in a sequence "
		"of "
		"2 tensors",
	};

	for (size_t i = 0; i < 4; i++) {
		Onnx__TensorProto *place;

		begin(13);
		place = file_weight("k", 1, 0, NULL);
		place->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
		place->n_float_data = 0;
		place->int64_data = &places[i];
		place->n_int64_data = 1;
		file_node("SequenceConstruct", "x", "x", "s", NULL);
		file_node("SequenceAt", "s", "k", "y", NULL);
		file_output("y");
		file_refused_with(-EINVAL, SENTENCES[i]);
	}
}

// A list that says more than the axis holds is none of its lengths, be it by a part of nothing.
static void lengths_beyond_the_axis_are_refused(void **state)
{
	static int64_t lengths[][3] = { { 1, 1, 1 }, { 1, 1, 0 }, { 1, 0, 1 } };
	static const char *const SENTENCES[] = {
		"node 'SplitToSequence_0' (SplitToSequence): part 2 of an axis of 2 is 1 long",
		"node 'SplitToSequence_0' (SplitToSequence): part 2 of an axis of 2 is 0 long",
		"node 'SplitToSequence_0' (SplitToSequence): part 1 of an axis of 2 is 0 long",
	};

	for (size_t i = 0; i < 3; i++) {
		Onnx__TensorProto *split;
		Onnx__AttributeProto *axis;
		Onnx__NodeProto *node;

		begin(13);
		split = file_weight("k", 3, 0, NULL);
		split->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
		split->n_float_data = 0;
		split->int64_data = lengths[i];
		split->n_int64_data = 3;
		node = file_node("SplitToSequence", "x", "k", "s", NULL);
		axis = file_attr(node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
		axis->has_i = 1;
		axis->i = 1;
		file_node("SequenceLength", "s", NULL, "n", NULL);
		file_node("Add", "x", "x", "y", NULL);
		file_output("y");
		file_refused_with(-EINVAL, SENTENCES[i]);
	}
}

static void a_draw_that_decides_is_refused(void **state)
{
	begin(13);
	file_node("RandomUniformLike", "x", NULL, "n", NULL);
	file_node("Mul", "n", "x", "m", NULL);
	file_node("Less", "m", "x", "c", NULL);
	file_node("Where", "c", "x", "y", NULL);
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'RandomUniformLike_0' (RandomUniformLike): draws at random, and Less reads "
		"the "
		"draw: no one value stands for it there; export the model as it infers "
		"(model.eval(), training=False), without dropout or sampling");
	begin(13);
	file_node("Bernoulli", "x", NULL, "y", NULL);
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'Bernoulli_0' (Bernoulli): draws classes at random, so that a row has no one "
		"score; export the model up to the probabilities that it draws by");
}

static int64_t places[8];
static Onnx__SparseTensorProto sparse, *sparse_list[1];
static int64_t sparse_dims[2];
static Onnx__TensorProto sparse_values, sparse_indices;
static int64_t values_dims[1], indices_dims[2];

// w [2, 3] with `n` values at `places`, by one index of each or by two.
static void sparse_of(int64_t n, int64_t per_value)
{
	begin(13);
	onnx__sparse_tensor_proto__init(&sparse);
	onnx__tensor_proto__init(&sparse_values);
	onnx__tensor_proto__init(&sparse_indices);
	sparse.values = &sparse_values;
	sparse.indices = &sparse_indices;
	sparse_dims[0] = 2;
	sparse_dims[1] = 3;
	sparse.dims = sparse_dims;
	sparse.n_dims = 2;
	sparse_values.name = file_name("w");
	sparse_values.has_data_type = sparse_indices.has_data_type = 1;
	sparse_values.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	sparse_values.float_data = file_values;
	sparse_values.n_float_data = (size_t)n;
	sparse_values.dims = values_dims;
	sparse_values.n_dims = 1;
	values_dims[0] = indices_dims[0] = n;
	sparse_indices.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	sparse_indices.int64_data = places;
	sparse_indices.n_int64_data = (size_t)(n * per_value);
	indices_dims[1] = per_value;
	sparse_indices.dims = indices_dims;
	sparse_indices.n_dims = per_value > 1 ? 2 : 1;
	sparse_list[0] = &sparse;
	file.graph.sparse_initializer = sparse_list;
	file.graph.n_sparse_initializer = 1;
	file_node("MatMul", "x", "w", "y", NULL);
	file_output("y");
}

static void a_sparse_constant_is_filled_with_zeros(void **state)
{
	const float expected[] = { 0, 1, 0, 0, 0, 2 };
	bool found = false;

	places[0] = 1;
	places[1] = 5;
	sparse_of(2, 1);
	file_accepted();
	for (uint32_t t = 0; t < file_graph->n_tensors; t++) {
		const struct tensor *tensor = &file_graph->tensors[t];

		if (strcmp(tensor->name, "w") != 0)
			continue;
		found = true;
		for (uint32_t i = 0; i < 6; i++)
			assert_true(((const float *)tensor->data)[i] == expected[i]);
	}
	assert_true(found);
}

static void sparse_constants_that_lie_are_refused(void **state)
{
	static const struct {
		int64_t places[4], per_value;
	} CASES[] = {
		{ { 1, 6 }, 1 },
		{ { -1, 2 }, 1 },
		{ { 4, 2 }, 1 },
		{ { 2, 2 }, 1 },
		{ { 0, 1, 0, 3 }, 2 },
		{ { 1, 0, 0, 2 }, 2 },
		{ { 0, INT64_MAX, 1, 0 }, 2 },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		memcpy(places, CASES[i].places, sizeof(CASES[i].places));
		sparse_of(2, CASES[i].per_value);
		file_refused(-EINVAL, "is outside of its shape, or not in ascending order");
	}
	sparse_of(2, 3);
	file_refused_with(-EINVAL, "sparse 'w' has values [2] and indices [2, 3] for 2 dimensions");
	sparse_of(2, 1);
	sparse_dims[0] = sparse_dims[1] = 1 << 14;
	file_refused_with(
		-ENOTSUP, "sparse 'w' has 268435456 values, at most 16777216 are supported");
	sparse_of(2, 1);
	sparse.indices = NULL;
	file_refused_with(-EINVAL, "sparse 'w' has no values or no indices");
}

// A weight [rows] of 4 bits in `bytes` bytes.
static void nibbles(int64_t rows, size_t bytes)
{
	static uint8_t raw[8] = { 0x21, 0x43, 0x65, 0x87 };
	Onnx__TensorProto *w;

	begin(21);
	w = file_weight("w", rows, 0, NULL);
	w->data_type = 22;
	w->n_float_data = 0;
	w->has_raw_data = 1;
	w->raw_data.data = raw;
	w->raw_data.len = bytes;
}

static void values_of_4_bits_that_are_not_there_are_refused(void **state)
{
	nibbles(2, 2);
	file_node("DequantizeLinear", "w", "x", "y", NULL);
	file_output("y");
	file_refused_with(
		-EINVAL, "initialiser 'w' holds other than the 2 values its dimensions say");
	nibbles(1, 1);
	file_weight("s", 1, 0, file_values);
	file_node("QuantizeLinear", "x", "s", "q", NULL)->n_input = 3;
	file.node_list[0]->input[2] = file_name("w");
	file_output("q");
	file_refused_with(-ENOTSUP,
		"node 'QuantizeLinear_0' (QuantizeLinear): input 2 ('w') is of 4 bits, or computed "
		"in "
		"a model that has such; only weights of 4 bits are supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_sequence_is_taken_by_its_operators_alone, file_end),
		cmocka_unit_test_teardown(a_place_outside_of_a_sequence_is_refused, file_end),
		cmocka_unit_test_teardown(lengths_beyond_the_axis_are_refused, file_end),
		cmocka_unit_test_teardown(a_draw_that_decides_is_refused, file_end),
		cmocka_unit_test_teardown(a_sparse_constant_is_filled_with_zeros, file_end),
		cmocka_unit_test_teardown(sparse_constants_that_lie_are_refused, file_end),
		cmocka_unit_test_teardown(
			values_of_4_bits_that_are_not_there_are_refused, file_end),
	};

	return cmocka_run_group_tests_name("onnx_sequence", tests, NULL, NULL);
}
