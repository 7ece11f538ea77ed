// SPDX-License-Identifier: BSD-3-Clause
// Every operator's shape rule: what comes out, and the sentence for what cannot.
#include "infer/ops/table.h"
#include "tests/cmocka.h"
#include "tests/unit/shape_case.h"

#include <string.h>

static void operators_of_one_input_keep_its_shape(void **state)
{
	static const enum op ops[] = { OP_LEAKY_RELU, OP_ELU, OP_SELU, OP_SIGMOID, OP_HARD_SIGMOID,
		OP_TANH, OP_SOFTPLUS, OP_SOFTSIGN, OP_GELU, OP_CLIP, OP_SOFTMAX, OP_LOG_SOFTMAX,
		OP_NORMALIZER };

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		const struct shape_case cases[] = {
			{ ops[i], "[1,5]", "", "[1,5]" },
			{ ops[i], "[3]", "", "[3]" },
			{ ops[i], "[2,0,4]", "", "[2,0,4]" },
			{ ops[i], "[1]i", "", "input \"t0\" is int64, only float32 is computed" },
			{ ops[i], "[1] [1]", "", "has 2 inputs, should have 1 to 1" },
			{ ops[i], "-", "", "input 0 is missing or names no tensor" },
		};

		CHECK_ALL(cases);
	}
	static const struct shape_case others[] = {
		{ OP_RELU, "[]", "", "[]" },
		{ OP_RELU, "[2]i", "", "[2]i" },
		{ OP_IDENTITY, "[2]i", "", "[2]i" },
		{ OP_GELU, "[1]", "approximate=1", "[1]" },
		{ OP_GELU, "[1]", "approximate=2",
			"attribute \"approximate\" is 2, should be 0 to 1" },
	};
	CHECK_ALL(others);
}

static void pairs_broadcast(void **state)
{
	static const enum op ops[] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV };

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		const struct shape_case cases[] = {
			{ ops[i], "[1,5] [5]c", "", "[1,5]" },
			{ ops[i], "[5] [1,5]", "", "[1,5]" },
			{ ops[i], "[2,1,4] [3,1]", "", "[2,3,4]" },
			{ ops[i], "[] [2,2]", "", "[2,2]" },
			{ ops[i], "[0] [1]", "", "[0]" },
			{ ops[i], "[2,3] [2]", "",
				"inputs [2, 3] and [2]: they do not broadcast to each other" },
			{ ops[i], "[0] [2]", "",
				"inputs [0] and [2]: they do not broadcast to each other" },
			{ ops[i], "[1] [1]i", "", "input \"t1\" is int64, should be float32" },
			{ ops[i], "[1]", "", "has 1 inputs, should have 2 to 2" },
			{ ops[i], "[65536,1] [1,65536]", "",
				"output 0: has shape [65536, 65536], more than the 268435456 "
				"elements supported" },
		};

		CHECK_ALL(cases);
	}
	static const struct shape_case slopes[] = {
		{ OP_PRELU, "[1,5] [5]c", "", "[1,5]" },
		{ OP_PRELU, "[1,3,4] [3,1]c", "", "[1,3,4]" },
		{ OP_PRELU, "[1,5] [1]", "", "[1,5]" },
		{ OP_PRELU, "[1,5] [4]c", "",
			"input \"t1\" is [4], which does not broadcast to [1, 5]" },
		{ OP_PRELU, "[5] [1,5]c", "",
			"input \"t1\" is [1, 5], which does not broadcast to [5]" },
		{ OP_PRELU, "[1,1] [1,5]c", "",
			"input \"t1\" is [1, 5], which does not broadcast to [1, 1]" },
	};
	CHECK_ALL(slopes);
}

static void dense_and_affine(void **state)
{
	static const struct shape_case cases[] = {
		{ OP_DENSE, "[1,3] [3,4]c [4]c", "activation=1", "[1,4]" },
		{ OP_DENSE, "[2,7,3] [3,4]c", "", "[2,7,4]" },
		{ OP_DENSE, "[3] [3,4]c -", "", "[4]" },
		{ OP_DENSE, "[1,3] [3,4]", "", "input \"t1\" must be constant" },
		{ OP_DENSE, "[1,3] [3,4]c [4]", "", "input \"t2\" must be constant" },
		{ OP_DENSE, "[1,3] [3,4]c [3]c", "", "input \"t2\" is [3], should be [4]" },
		{ OP_DENSE, "[1,3] [3,4]c [1,4]c", "", "input \"t2\" is [1, 4], should be [4]" },
		{ OP_DENSE, "[1,3] [4,3]c", "",
			"inputs [1, 3] and [4, 3]: the weights must be [K, N] for an input "
			"[..., K]" },
		{ OP_DENSE, "[] [1,3]c", "",
			"inputs [] and [1, 3]: the weights must be [K, N] for an input [..., K]" },
		{ OP_DENSE, "[1,3] [3]c", "",
			"inputs [1, 3] and [3]: the weights must be [K, N] for an input [..., "
			"K]" },
		{ OP_DENSE, "[1,3] [3,4]c", "activation=99",
			"attribute \"activation\" is 99, should be 0 to 12" },
		{ OP_AFFINE, "[2,3] [3]c [3]c", "", "[2,3]" },
		{ OP_AFFINE, "[2,3] [3] [3]c", "", "input \"t1\" must be constant" },
		{ OP_AFFINE, "[2,3] [3]c [3]", "", "input \"t2\" must be constant" },
		{ OP_AFFINE, "[2,3] [2]c [3]c", "", "input \"t1\" is [2], should be [3]" },
		{ OP_AFFINE, "[2,3] [3]c [1]c", "", "input \"t2\" is [1], should be [3]" },
		{ OP_AFFINE, "[] [1]c [1]c", "",
			"the input is a scalar, should have a last dimension" },
		{ OP_AFFINE, "[2,3] [3]c [3]c", "activation=-1",
			"attribute \"activation\" is -1, should be 0 to 12" },
	};

	CHECK_ALL(cases);
}

static void products(void **state)
{
	static const char inner[] = "inputs [2, 3] and [4, 3]: the inner dimensions must be equal";
	static const struct shape_case cases[] = {
		{ OP_GEMM, "[2,3] [3,4]", "", "[2,4]" },
		{ OP_GEMM, "[3,2] [3,4]", "transA=1", "[2,4]" },
		{ OP_GEMM, "[2,3] [4,3]", "transB=1", "[2,4]" },
		{ OP_GEMM, "[3,2] [4,3] -", "transA=1 transB=1", "[2,4]" },
		{ OP_GEMM, "[2,3] [3,4] [4]", "", "[2,4]" },
		{ OP_GEMM, "[2,3] [3,4] [2,1]", "", "[2,4]" },
		{ OP_GEMM, "[2,3] [3,4] []", "", "[2,4]" },
		{ OP_GEMM, "[2,3] [4,3]", "", inner },
		{ OP_GEMM, "[2,3] [3]", "", "inputs [2, 3] and [3]: both must have 2 dimensions" },
		{ OP_GEMM, "[2,3] [3,4] [3]", "",
			"input \"t2\" is [3], which does not broadcast to [2, 4]" },
		{ OP_GEMM, "[1,3] [3,4] [2,4]", "",
			"input \"t2\" is [2, 4], which does not broadcast to [1, 4]" },
		{ OP_MATMUL, "[2,3] [3,4]", "", "[2,4]" },
		{ OP_MATMUL, "[3] [3]", "", "[]" },
		{ OP_MATMUL, "[3] [3,4]", "", "[4]" },
		{ OP_MATMUL, "[2,3] [3]", "", "[2]" },
		{ OP_MATMUL, "[5,1,2,3] [7,3,4]", "", "[5,7,2,4]" },
		{ OP_MATMUL, "[2,3] [4,3]", "", inner },
		{ OP_MATMUL, "[] [3]", "",
			"inputs [] and [3]: a scalar cannot be multiplied as a matrix" },
		{ OP_MATMUL, "[2,2,3] [3,3,4]", "",
			"inputs [2, 2, 3] and [3, 3, 4]: the leading dimensions do not broadcast "
			"to each other" },
		{ OP_MATMUL, "[268435456,1] [1,2]", "",
			"output 0: has shape [268435456, 2], more than the 268435456 elements "
			"supported" },
	};

	CHECK_ALL(cases);
}

static void rows_together(void **state)
{
	static const struct shape_case cases[] = {
		{ OP_SOFTMAX, "[2,3]", "axis=0", "[2,3]" },
		{ OP_SOFTMAX, "[2,3]", "axis=-2", "[2,3]" },
		{ OP_SOFTMAX, "[2,3]", "axis=2", "axis 2 is not one of the input's 2 dimensions" },
		{ OP_LOG_SOFTMAX, "[2,3]", "axis=-3",
			"axis -3 is not one of the input's 2 dimensions" },
		{ OP_SOFTMAX, "[]", "", "axis -1 is not one of the input's 0 dimensions" },
		{ OP_BATCH_NORM, "[1,3] [3]c [3]c [3]c [3]c", "", "[1,3]" },
		{ OP_BATCH_NORM, "[1,3,8] [3]c [3]c [3]c [3]c", "", "[1,3,8]" },
		{ OP_BATCH_NORM, "[3] [3]c [3]c [3]c [3]c", "",
			"input [3] has no channel dimension, should be [N, C, ...]" },
		{ OP_BATCH_NORM, "[1,3] [3]c [3]c [2]c [3]c", "",
			"input \"t3\" is [2], should be [3]" },
		{ OP_BATCH_NORM, "[1,3] [3]c [3]c [3]c", "", "has 4 inputs, should have 5 to 5" },
		{ OP_LAYER_NORM, "[1,3] [3]c [3]c", "", "[1,3]" },
		{ OP_LAYER_NORM, "[1,3] [3]c", "", "[1,3] [1,1] [1,1]" },
		{ OP_LAYER_NORM, "[2,3,4] [3,4]c -", "axis=1", "[2,3,4] [2,1,1]" },
		{ OP_LAYER_NORM, "[2,3,4] [4]c", "axis=-2", "[2,3,4]" },
		{ OP_LAYER_NORM, "[1,3] [2]c", "",
			"input \"t1\" is [2], which does not broadcast to [3]" },
		{ OP_LAYER_NORM, "[1,3] [3]c [1,3]c", "",
			"input \"t2\" is [1, 3], which does not broadcast to [3]" },
		{ OP_LAYER_NORM, "[1,3] [3]c", "axis=2",
			"axis 2 is not one of the input's 2 dimensions" },
		{ OP_NORMALIZER, "[1,3]", "norm=2", "[1,3]" },
		{ OP_NORMALIZER, "[1,3]", "norm=3", "attribute \"norm\" is 3, should be 0 to 2" },
		{ OP_NORMALIZER, "[]", "", "the input is a scalar, should be [..., C]" },
	};

	CHECK_ALL(cases);
}

static void moving(void **state)
{
	static const struct shape_case cases[] = {
		{ OP_RESHAPE, "[2,6]", "shape=3/4", "[3,4]" },
		{ OP_RESHAPE, "[2,6]i", "shape=0/-1/2", "[2,3,2]i" },
		{ OP_RESHAPE, "[1]", "shape=1/1/1/1/1/1/1/1", "[1,1,1,1,1,1,1,1]" },
		{ OP_RESHAPE, "[0,3]", "shape=3/0", "input [0, 3] cannot be reshaped to [3, 0]" },
		{ OP_RESHAPE, "[2,6]", "shape=5/-1", "input [2, 6] cannot be reshaped to [5, -1]" },
		{ OP_RESHAPE, "[2,6]", "shape=-1/-1",
			"input [2, 6] cannot be reshaped to [-1, -1]" },
		{ OP_RESHAPE, "[2,6]", "shape=2/5", "input [2, 6] cannot be reshaped to [2, 5]" },
		{ OP_RESHAPE, "[2,6]", "shape=-2/6", "input [2, 6] cannot be reshaped to [-2, 6]" },
		{ OP_RESHAPE, "[2,6]", "shape=4611686018427387904/4",
			"input [2, 6] cannot be reshaped to [4611686018427387904, 4]" },
		{ OP_RESHAPE, "[1]", "shape=1/1/1/1/1/1/1/1/1",
			"attribute \"shape\" is missing or has more than 8 dimensions" },
		{ OP_RESHAPE, "[1]", "",
			"attribute \"shape\" is missing or has more than 8 dimensions" },
		{ OP_CONCAT, "[1,2] [1,3] [1,4]", "axis=1", "[1,9]" },
		{ OP_CONCAT, "[2,2]i [1,2]i", "axis=-2", "[3,2]i" },
		{ OP_CONCAT, "[5]", "axis=0", "[5]" },
		{ OP_CONCAT, "[1,2] [1,3]", "", "attribute \"axis\" is missing" },
		{ OP_CONCAT, "[1,2] [1,3]", "axis=2",
			"axis 2 is not one of the input's 2 dimensions" },
		{ OP_CONCAT, "[1,2] [2,3]", "axis=1",
			"inputs [1, 2] and [2, 3]: they differ outside the concatenated axis" },
		{ OP_CONCAT, "[1,2] [2]", "axis=1",
			"input 1 differs in element type or rank from input 0" },
		{ OP_CONCAT, "[1,2] [1,2]i", "axis=1",
			"input 1 differs in element type or rank from input 0" },
		{ OP_CONCAT, "[1,2] - [1,2]", "axis=1",
			"input 1 differs in element type or rank from input 0" },
		{ OP_CONCAT, "[268435456] [268435456]", "axis=0",
			"output 0: has dimension 536870912 where 0 to 268435456 is supported" },
		{ OP_CAST, "[2,3]i", "to=0", "[2,3]" },
		{ OP_CAST, "[2]", "to=10", "[2]i" },
		{ OP_CAST, "[2]", "", "attribute \"to\" is missing or no element type" },
		{ OP_CAST, "[2]", "to=13", "attribute \"to\" is missing or no element type" },
	};

	CHECK_ALL(cases);
}

// What no builder makes, but an image may hold.
static void damaged_nodes(void **state)
{
	uint32_t here = 0, nowhere = 7, none = GRAPH_NONE;
	struct tensor input = { .name = "x", .dtype = DTYPE_F32, .rank = 1, .dims = { 1 } };
	struct graph graph = { .tensors = &input, .n_tensors = 1 };
	struct tensor output = { 0 };
	const struct {
		struct node node;
		const char *sentence;
	} cases[] = {
		{ { (enum op)10000, "n", 1, 1, 0, &here, &here, NULL },
			"operator 10000 is unknown" },
		{ { OP_RELU, "n", 1, 1, 0, &nowhere, &here, NULL },
			"input 0 is missing or names no tensor" },
		{ { OP_RELU, "n", 1, 1, 0, &here, &nowhere, NULL },
			"output 0 is missing or names no tensor" },
		{ { OP_RELU, "n", 1, 1, 0, &here, &none, NULL },
			"output 0 is missing or names no tensor" },
		{ { OP_RELU, "n", 1, 0, 0, &here, &here, NULL },
			"has 0 outputs, should have 1 to 1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err = { .text = "" };

		assert_int_equal(op_infer(&graph, &cases[i].node, &output, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].sentence);
	}
	input.rank = GRAPH_RANK_MAX + 1;
	struct error err = { .text = "" };
	assert_int_equal(
		op_infer(&graph, &(struct node){ OP_RELU, "n", 1, 1, 0, &here, &here, NULL },
			&output, &err),
		-EINVAL);
	assert_string_equal(err.text, "input 0: has 9 dimensions, at most 8 are supported");
}

static void keys_that_are_found(void **state)
{
	static const struct shape_case cases[] = {
		{ OP_FIND, "[1,3] [5]c [5]ic", "", "[1,3]i" },
		{ OP_FIND, "[1,3]i [0]ic [0]ic", "", "[1,3]i" },
		{ OP_FIND, "[1,3] [1,3,5]c [1,3,5]ic", "", "[1,3]i" },
		{ OP_FIND, "[] [5]c [5]ic", "", "[]i" },
		{ OP_FIND, "[1]u [5]uc [5]ic", "",
			"input \"t0\" is uint8, should be float32 or int64" },
		{ OP_FIND, "[1] [5]ic [5]ic", "", "input \"t1\" is int64, should be float32" },
		{ OP_FIND, "[1] [5]c [5]c", "", "input \"t2\" is float32, should be int64" },
		{ OP_FIND, "[1] [5] [5]ic", "", "input \"t1\" must be constant" },
		{ OP_FIND, "[1] [5]c [5]i", "", "input \"t2\" must be constant" },
		{ OP_FIND, "[1] []c []ic", "",
			"inputs [1] and []: should be [..] and [N] or [.., N]" },
		{ OP_FIND, "[1,3] [3,1,5]c [3,1,5]ic", "",
			"inputs [1, 3] and [3, 1, 5]: should be [..] and [N] or [.., N]" },
		{ OP_FIND, "[1] [5]c [4]ic", "", "inputs [5] and [4]: should be of one shape" },
	};

	CHECK_ALL(cases);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_of_one_input_keep_its_shape),
		cmocka_unit_test(pairs_broadcast),
		cmocka_unit_test(dense_and_affine),
		cmocka_unit_test(products),
		cmocka_unit_test(rows_together),
		cmocka_unit_test(moving),
		cmocka_unit_test(keys_that_are_found),
		cmocka_unit_test(damaged_nodes),
	};

	return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
