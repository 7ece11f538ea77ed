// SPDX-License-Identifier: BSD-3-Clause
// Which quantised graphs run in 8 bits. What they must score, fused or not, test_operators.c knows:
// these are the quantised ones of its models.
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct expectation {
	const char *model;
	uint32_t fused;   // QDense, QConv and DynamicQDense steps
	const char *rest; // the other steps, in their order
};

static const struct expectation EXPECTATIONS[] = {
	{ "quantised_matmul", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_matmul_to_float", 1, "QuantizeLinear " },
	{ "quantised_matmul_add_relu", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_gemm", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_gemm_to_relu", 1, "QuantizeLinear Relu " },
	{ "quantised_gemm_trans_b", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_transpose", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_uint8_weights", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_int8_clip", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_reshape", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_matmul_rows", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_chain", 2, "QuantizeLinear " },
	{ "quantised_read_twice", 1, "QuantizeLinear Elementwise " },
	{ "quantised_qlinear_matmul", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_conv_plain", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_conv_strided", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_conv_dilated", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_conv_groups", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_conv_depthwise", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_qlinear_conv_plain", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_qlinear_conv_strided", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_qlinear_conv_dilated", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_qlinear_conv_groups", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_qlinear_conv_depthwise", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_conv_to_float", 1, "QuantizeLinear " },
	{ "quantised_conv_2d", 1, "QuantizeLinear DequantizeLinear " },
	{ "quantised_network_uint8", 3, "QuantizeLinear MaxPool MaxPool " },
	{ "quantised_network_int8", 3, "QuantizeLinear MaxPool MaxPool " },
	{ "quantised_network_2d", 1, "QuantizeLinear MaxPool DequantizeLinear " },
	{ "quantised_dynamic_plain", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_add", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_relu", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_clip", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_sigmoid", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_columns", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_uint8", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_wide", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_wide_columns", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_zero_of_columns", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_rows", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_chain", 2, "DynamicQuantizeLinear DynamicQuantizeLinear " },
	{ "quantised_dynamic_shared", 2, "DynamicQuantizeLinear Copy Copy Copy " },
	{ "quantised_dynamic_turned", 1, "DynamicQuantizeLinear " },
	{ "quantised_dynamic_static", 1, "QuantizeLinear " },
	{ "quantised_dynamic_static_sums", 1, "QuantizeLinear Cast " },
	{ "quantised_dynamic_factors", 0,
		"Copy Copy DynamicQuantizeLinear MatMulInteger Cast Elementwise " },
	{ "quantised_dynamic_sums", 0, "DynamicQuantizeLinear MatMulInteger Cast " },
	{ "quantised_dynamic_weights", 0,
		"Copy Copy DynamicQuantizeLinear DynamicQuantizeLinear MatMulInteger Cast Mul "
		"Mul " },
	{ "quantised_table_sigmoid", 0, "QuantizeLinear QLookup DequantizeLinear " },
	{ "quantised_table_tanh", 0, "QuantizeLinear QLookup DequantizeLinear " },
	{ "quantised_table_hard_swish", 0, "QuantizeLinear QLookup DequantizeLinear " },
	{ "quantised_table_silu", 0, "QuantizeLinear QLookup DequantizeLinear " },
	{ "quantised_table_leaky", 0, "QuantizeLinear QLookup DequantizeLinear " },
	{ "quantised_table_scale", 0, "QuantizeLinear QLookup DequantizeLinear " },
	// The function is wanted in floats, too; a slope for each column.
	{ "quantised_table_shared", 0,
		"QuantizeLinear DequantizeLinear QLookup DequantizeLinear Elementwise Copy Copy " },
	{ "quantised_table_slopes", 0,
		"QuantizeLinear DequantizeLinear PRelu QuantizeLinear DequantizeLinear " },
	// A scale for each row of the weights, and weights that do not fit in int8.
	{ "quantised_by_rows", 0,
		"QuantizeLinear DequantizeLinear Dense QuantizeLinear DequantizeLinear " },
	{ "quantised_wide_weights", 0,
		"QuantizeLinear DequantizeLinear Dense QuantizeLinear DequantizeLinear " },
};

static void runs_in_8_bits(void **state)
{
	const struct expectation *expected = *state;
	const struct model_options options = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model;
	char path[128], rest[256] = "";
	uint32_t fused = 0;
	size_t size = 0;
	void *image = NULL;

	snprintf(path, sizeof(path), "tests/fixtures/operators/models/%s.onnx", expected->model);
	if (model_compile(path, NULL, &image, &size, NULL, &err) != 0 ||
		model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		if (strcmp(step.op, "QDense") == 0 || strcmp(step.op, "QConv") == 0 ||
			strcmp(step.op, "DynamicQDense") == 0) {
			fused++;
			assert_non_null(strstr(step.kernel[0], "q8_dense_"));
			continue;
		}
		strncat(rest, step.op, sizeof(rest) - strlen(rest) - 2);
		strcat(rest, " ");
	}
	assert_int_equal(fused, expected->fused);
	assert_string_equal(rest, expected->rest);
	model_close(model);
	free(image);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(EXPECTATIONS) / sizeof(*EXPECTATIONS)];

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tests[i] = (struct CMUnitTest){ .name = EXPECTATIONS[i].model,
			.test_func = runs_in_8_bits,
			.initial_state = (void *)(uintptr_t)&EXPECTATIONS[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
