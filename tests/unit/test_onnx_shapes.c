// SPDX-License-Identifier: BSD-3-Clause
// Shapes that a file computes: those that known dimensions and the batch decide are known, those
// that a row's values decide are refused by node.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <string.h>

// y = Range(a, b, c) of three scalars of the row, declared of the length d0.
static void range_of_scalars(int64_t length)
{
	static char *inputs[3];
	Onnx__NodeProto *range;

	file_begin(13);
	for (int i = 0; i < 3; i++) {
		inputs[i] = file_name((const char *[]){ "a", "b", "c" }[i]);
		file.in_list[file.graph.n_input++] = file_info(inputs[i], 0, NULL);
	}
	range = file_node("Range", "a", "b", "y", NULL);
	range->input = inputs;
	range->n_input = 3;
	file.out_list[file.graph.n_output++] = file_info("y", 1, &length);
}

static void range_of_a_declared_length(void **state)
{
	range_of_scalars(5);
	file_accepted();
	assert_int_equal(file_graph->n_columns_out, 5);
}

static void range_of_an_open_length(void **state)
{
	range_of_scalars(FILE_DIM_OPEN);
	file_refused_with(-ENOTSUP,
		"node 'Range_0' (Range): start, limit or delta is computed, so that the length "
		"depends on values; they must be constant, or the file must declare the length");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_of_a_declared_length),
		cmocka_unit_test(range_of_an_open_length),
	};
	return cmocka_run_group_tests_name("onnx_shapes", tests, NULL, file_end);
}
