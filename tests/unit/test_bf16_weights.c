// SPDX-License-Identifier: BSD-3-Clause
// Weights in bfloat16: the pass, what runs then, on each instruction set, and golden rows that the
// last bit of a float may decide.
#include "infer/compile/passes/passes.h"
#include "infer/graph/arena.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/kernels/product/bf16_dense.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t MLP[] = { 41, 64, 33, 5 };

static struct graph *converted(struct graph *graph, int layers)
{
	struct error err = { .text = "" };

	assert_int_equal(pass_bf16_weights(graph, NULL, &err), layers);
	assert_int_equal(pass_bf16_weights(graph, NULL, &err), 0);
	if (graph_check(graph, &err) != 0)
		fail_msg("%s", err.text);
	return graph;
}

// Kernels add in one order, all but AMX's: where it rounds a sum otherwise, an input of the next
// layer may be the next bfloat16.
static void all_instruction_sets_agree(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct graph *graph = converted(graph_mlp(4, MLP, false, i), 3);

		network_check(graph, isa_detected() & ISA_AMX_BF16 ? 0.01 : 0, i);
		graph_destroy(graph);
	}
}

static void scores_are_near_those_in_floats(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct graph *floats = graph_mlp(4, MLP, true, i);
		struct graph *graph = converted(graph_mlp(4, MLP, true, i), 3);

		network_same(floats, graph, 0.05, i);
		graph_destroy(floats);
		graph_destroy(graph);
	}
}

// Weights that are bfloat16 already are kept as they are.
static void short_weights_are_kept(void **state)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 7, 5 }, false, 3);
	float *w = (float *)(uintptr_t)graph->tensors[1].data;
	const struct tensor *to;

	for (int i = 0; i < 7 * 5; i++)
		w[i] = roundf(w[i] * 100); // to 50: 6 bits
	converted(graph, 1);
	to = &graph->tensors[graph->nodes[0].inputs[1]];
	assert_int_equal(to->dtype, DTYPE_BF16);
	for (int i = 0; i < 7 * 5; i++)
		assert_true(bf16_to(((const uint16_t *)to->data)[i]) == w[i]);
	graph_destroy(graph);
}

// Behind a convolution x is channels last on some instruction sets, and the rows of W are
// reordered.
static void follows_the_layout_of_a_convolution(void **state)
{
	const int64_t wx[3] = { 1, 3, 20 }, wc[3] = { 8, 3, 3 }, flat[2] = { 1, 8 * 18 };
	struct graph *graph = graph_create();
	uint32_t x, inputs[2];
	struct node *node;

	assert_non_null(graph);
	x = inputs[0] = graph_f32(graph, "x", 3, wx);
	inputs[1] = graph_f32_constant(graph, "conv", 3, wc, 1);
	node = network_node(graph, OP_CONV, 2, inputs);
	node_set_ints(graph, node, ATTR_KERNEL_SHAPE, 1, (int64_t[]){ 3 });
	inputs[0] = network_output(graph, node, 0);
	node = network_node(graph, OP_RESHAPE, 1, inputs);
	node_set_ints(graph, node, ATTR_SHAPE, 2, flat);
	inputs[0] = network_output(graph, node, 0);
	inputs[1] = graph_f32_constant(graph, "dense", 2, (int64_t[]){ flat[1], 10 }, 2);
	inputs[0] = network_output(graph, network_node(graph, OP_DENSE, 2, inputs), 0);
	graph_finish(graph, x, inputs[0]);
	network_check(converted(graph, 1), 0.02, 0);
	graph_destroy(graph);
}

static void other_weights_are_refused(void **state)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 3, 2 }, false, 1);
	struct error err = { .text = "" };
	struct tensor *w = &graph->tensors[graph->nodes[0].inputs[1]];

	w->dtype = DTYPE_F16;
	assert_int_equal(graph_check(graph, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"w1\" is float16, should be float32"));
	w->dtype = DTYPE_BF16;
	assert_int_equal(graph_check(graph, &err), 0);
	graph->tensors[graph->nodes[0].inputs[2]].dtype = DTYPE_BF16;
	assert_int_equal(graph_check(graph, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"b1\" is bfloat16, should be float32"));
	graph_destroy(graph);
}

static struct model *compiled(const char *path, struct compile_report *report)
{
	const struct compile_options options = { .weights = WEIGHTS_BF16 };
	struct error err = { .text = "" };
	struct model *model = NULL;
	void *image;
	size_t size;

	if (model_compile(path, &options, &image, &size, report, &err) != 0 ||
		model_open(image, size, NULL, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	if (model_check_golden(model, &err) != 0)
		fail_msg("%s", err.text);
	return model;
}

static void a_file_is_compiled_so(void **state)
{
	struct compile_report report = { 0 };
	struct model *model = compiled("data/lab.onnx", &report);
	char lines[4096] = "";
	uint32_t layers = 0;

	for (size_t i = 0; i < report.n_lines; i++)
		strncat(lines, report.lines[i], sizeof(lines) - strlen(lines) - 1);
	assert_non_null(strstr(lines, "dense layers in bfloat16: "));
	assert_non_null(strstr(lines, "golden rows score in bfloat16 within "));
	for (uint32_t s = 0; s < model_n_steps(model); s++) {
		struct plan_step_info step;

		model_step_info(model, s, &step);
		if (strcmp(step.op, "Dense") != 0)
			continue;
		layers++;
		assert_non_null(strstr(step.shape, "bfloat16 "));
		for (int c = 0; c < MODEL_BATCH_CLASSES; c++)
			assert_non_null(strstr(step.kernel[c], "bf16_dense_"));
	}
	assert_true(layers >= 2);
	model_close(model);
	compile_report_fini(&report);
}

static void without_a_dense_layer_it_is_refused(void **state)
{
	const struct compile_options options = { .weights = WEIGHTS_BF16 };
	struct error err = { .text = "" };
	void *image;
	size_t size;

	assert_int_equal(model_compile("tests/fixtures/operators/models/elu.onnx", &options, &image,
				 &size, NULL, &err),
		-EINVAL);
	assert_string_equal(err.text,
		"no dense layer has weights that could be bfloat16: leave them in float32");
}

// Golden rows [8] of a model, `wrong` of which it does not score.
static int check_with_wrong_rows(uint32_t wrong, bool bf16)
{
	struct graph *graph = graph_mlp(2, (uint32_t[]){ 1, 1 }, false, 1);
	const struct model_options options = { .no_timing = true };
	const float *w = graph->tensors[1].data, *b = graph->tensors[2].data;
	float rows[8], outputs[8];
	struct error err = { .text = "" };
	struct model *model;
	size_t size;
	void *image;
	int rc;

	if (bf16)
		converted(graph, 1);
	for (uint32_t i = 0; i < 8; i++) {
		rows[i] = (float)i;
		outputs[i] = (float)i * (bf16 ? bf16_to(bf16_of(*w)) : *w) + *b;
		outputs[i] += i < wrong ? 0.25f : 0.0f;
	}
	graph->n_golden = 8;
	graph->golden_rows = rows;
	graph->golden_outputs = outputs;
	assert_int_equal(image_write(graph, &image, &size, &err), 0);
	assert_int_equal(model_open(image, size, &options, &model, &err), 0);
	rc = model_check_golden(model, &err);
	if (rc != 0)
		assert_non_null(strstr(err.text, "golden row 0 column 0"));
	model_close(model);
	free(image);
	graph_destroy(graph);
	return rc;
}

static void half_of_the_golden_rows_must_agree(void **state)
{
	assert_int_equal(check_with_wrong_rows(0, false), 0);
	assert_int_equal(check_with_wrong_rows(1, false), -EINVAL);
	assert_int_equal(check_with_wrong_rows(0, true), 0);
	assert_int_equal(check_with_wrong_rows(4, true), 0);
	assert_int_equal(check_with_wrong_rows(5, true), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_instruction_sets_agree),
		cmocka_unit_test(scores_are_near_those_in_floats),
		cmocka_unit_test(short_weights_are_kept),
		cmocka_unit_test(follows_the_layout_of_a_convolution),
		cmocka_unit_test(other_weights_are_refused),
		cmocka_unit_test(a_file_is_compiled_so),
		cmocka_unit_test(without_a_dense_layer_it_is_refused),
		cmocka_unit_test(half_of_the_golden_rows_must_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
