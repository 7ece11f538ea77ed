// SPDX-License-Identifier: BSD-3-Clause
// Windows and transforms whose lengths lie. Their values are compared by test_operators.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

static int64_t number;

static void length(int64_t value)
{
	Onnx__TensorProto *n = file_weight("n", 1, 0, NULL);

	n->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	n->n_float_data = 0;
	number = value;
	n->int64_data = &number;
	n->n_int64_data = 1;
}

static void lengths_out_of_range_are_refused(void **state)
{
	static const struct {
		int64_t length;
		const char *sentence;
	} CASES[] = {
		{ 0, "node 'HannWindow_0' (HannWindow): input 0 is 0, should be 1 to 1048576" },
		{ -1, "node 'HannWindow_0' (HannWindow): input 0 is -1, should be 1 to 1048576" },
		{ INT64_MAX,
			"node 'HannWindow_0' (HannWindow): input 0 is 9223372036854775807, "
			"should be 1 to 1048576" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		file_begin(17);
		file_input("x", FILE_DIM_OPEN, 2);
		length(CASES[i].length);
		file_node("HannWindow", "n", NULL, "w", NULL);
		file_node("Mul", "x", "w", "y", NULL);
		file_output("y");
		file_refused_with(-EINVAL, CASES[i].sentence);
	}
}

static void a_transform_that_is_too_large_is_refused(void **state)
{
	const int64_t dims[] = { FILE_DIM_OPEN, 64, 1 };

	file_begin(17);
	file.in_list[file.graph.n_input++] = file_info("x", 3, dims);
	length(1 << 20);
	file_node("DFT", "x", "n", "y", NULL);
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'DFT_0' (DFT): a transform of 64 values to 1048576 is too large: its matrix "
		"has at most 16777216 elements");
}

static void a_signal_that_is_none_is_refused(void **state)
{
	file_begin(17);
	file_input("x", FILE_DIM_OPEN, 6);
	length(2);
	file_node("STFT", "x", "n", "y", NULL);
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'STFT_0' (STFT): the signal is [1, 6], should be real numbers, [batch, "
		"length, "
		"1]");
	file_begin(17);
	file_input("x", FILE_DIM_OPEN, 6);
	file_node("DFT", "x", NULL, "y", NULL);
	file_output("y");
	file_refused_with(-EINVAL,
		"node 'DFT_0' (DFT): the input, [1, 6], should have an axis 1 and behind it 1 or 2 "
		"parts of a number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lengths_out_of_range_are_refused, file_end),
		cmocka_unit_test_teardown(a_transform_that_is_too_large_is_refused, file_end),
		cmocka_unit_test_teardown(a_signal_that_is_none_is_refused, file_end),
	};

	return cmocka_run_group_tests_name("onnx_signal", tests, NULL, NULL);
}
