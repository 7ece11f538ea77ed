// SPDX-License-Identifier: BSD-3-Clause
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/plan.h"
#include "infer/plan/step.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct model *open_graph(struct graph *graph, const struct model_options *options)
{
	struct error err = { .text = "" };
	struct model *model = NULL;
	void *image;
	size_t size;

	if (image_write(graph, &image, &size, &err) != 0 ||
		model_open(image, size, options, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	graph_destroy(graph);
	return model;
}

static const uint32_t MLP[4] = { 41, 64, 32, 5 };

static const struct model_options RULES[] = {
	{ .isa_limited = true, .isa_mask = ISA_SCALAR, .no_timing = true },
	{ .isa_limited = true, .isa_mask = ISA_AVX2, .no_timing = true },
	{ .isa_limited = true, .isa_mask = ISA_AVX2 | ISA_AVX512, .no_timing = true },
	{ .no_timing = true },
	{ .no_timing = false },
};
#define N_RULES (sizeof(RULES) / sizeof(RULES[0]))

// The truth, layer by layer in double, with graph_mlp()'s own weights.
static void reference(const struct graph *graph, const float *row, double *out)
{
	double a[64] = { 0 }, b[64] = { 0 }, sum = 0.0;

	for (int i = 0; i < 41; i++)
		a[i] = row[i];
	for (uint32_t l = 0; l < 3; l++) {
		const float *w = graph->tensors[graph->nodes[l].inputs[1]].data;
		const float *bias = graph->tensors[graph->nodes[l].inputs[2]].data;

		for (uint32_t j = 0; j < MLP[l + 1]; j++) {
			b[j] = bias[j];
			for (uint32_t i = 0; i < MLP[l]; i++)
				b[j] += a[i] * w[i * MLP[l + 1] + j];
			if (l < 2 && b[j] < 0)
				b[j] = 0;
		}
		memcpy(a, b, sizeof(a));
	}
	for (int j = 0; j < 5; j++)
		sum += exp(a[j]);
	for (int j = 0; j < 5; j++)
		out[j] = exp(a[j]) / sum;
}

#define ROWS 600

static void mlp_matches_reference_under_every_mask(void **state)
{
	static const uint32_t counts[] = { 0, 1, 2, 15, 16, 17, 63, 64, 65, 255, 256, 257, ROWS };
	float *rows = malloc(ROWS * 41 * sizeof(float)),
	      *out = malloc((ROWS * 5 + 1) * sizeof(float));
	unsigned seed = 7;

	for (int i = 0; i < ROWS * 41; i++)
		rows[i] = graph_random(&seed) * 4;
	for (size_t r = 0; r < N_RULES; r++) {
		struct graph *graph = graph_mlp(4, MLP, true, 1),
			     *again = graph_mlp(4, MLP, true, 1);
		struct model *model = open_graph(graph, &RULES[r]);

		for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
			uint32_t n = counts[c], scratch_rows = n < 1 ? 1 : n > 256 ? 256 : n;
			void *scratch = malloc(model_scratch_bytes(model, scratch_rows) + 64);
			char *aligned = (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);

			out[n * 5] = 42.0f;
			model_score(model, rows, out, n, aligned, scratch_rows);
			assert_true(out[n * 5] == 42.0f);
			for (uint32_t i = 0; i < n; i++) {
				double want[5];

				reference(again, rows + i * 41, want);
				for (int j = 0; j < 5; j++)
					assert_true(fabs(want[j] - (double)out[i * 5 + j]) < 1e-5);
			}
			free(scratch);
		}
		model_close(model);
		graph_destroy(again);
	}
	free(rows);
	free(out);
}

// x + broadcast constant, Concat of a view and a cast there and back, on every mask.
static struct graph *mixed_graph(void)
{
	struct graph *graph = graph_create();
	uint32_t x = graph_f32(graph, "x", 2, (int64_t[]){ 1, 6 }), t, u, v;
	uint32_t c = graph_f32_constant(graph, "c", 2, (int64_t[]){ 1, 3 }, 5);

	t = graph_add_tensor(graph, "r", DTYPE_F32, 2, (int64_t[]){ 2, 3 }, NULL, NULL);
	graph_add_node(graph, OP_RESHAPE, NULL, 1, &x, 1, &t, NULL);
	node_set_ints(graph, &graph->nodes[0], ATTR_SHAPE, 2, (int64_t[]){ 2, -1 });
	u = graph_op(graph, OP_ADD, 2, (uint32_t[]){ t, c });
	v = graph_add_tensor(graph, "i", DTYPE_I8, 2, (int64_t[]){ 2, 3 }, NULL, NULL);
	graph_add_node(graph, OP_CAST, NULL, 1, &t, 1, &v, NULL);
	node_set_int(graph, &graph->nodes[2], ATTR_TO, DTYPE_I8);
	t = graph_add_tensor(graph, "f", DTYPE_F32, 2, (int64_t[]){ 2, 3 }, NULL, NULL);
	graph_add_node(graph, OP_CAST, NULL, 1, &v, 1, &t, NULL);
	node_set_int(graph, &graph->nodes[3], ATTR_TO, DTYPE_F32);
	v = graph_add_tensor(graph, "y", DTYPE_F32, 2, (int64_t[]){ 2, 6 }, NULL, NULL);
	graph_add_node(graph, OP_CONCAT, NULL, 2, (uint32_t[]){ u, t }, 1, &v, NULL);
	node_set_int(graph, &graph->nodes[4], ATTR_AXIS, -1);
	graph_finish(graph, x, v);
	return graph;
}

static void mixed_operators_score(void **state)
{
	const float rows[12] = { 1.5f, -2.5f, 300.0f, -300.0f, NAN, INFINITY, 1, 2, 3, 4, 5, 6 };
	const float casts[12] = { 1, -2, 127, -128, 0, 127, 1, 2, 3, 4, 5, 6 };

	for (size_t r = 0; r < N_RULES; r++) {
		struct graph *graph = mixed_graph();
		float c[3], out[24];
		_Alignas(64) char scratch[4096];
		struct model *model;

		memcpy(c, graph->tensors[1].data, sizeof(c));
		model = open_graph(graph, &RULES[r]);
		assert_true(model_scratch_bytes(model, 2) <= sizeof(scratch));
		model_score(model, rows, out, 2, scratch, 2);
		for (int i = 0; i < 12; i++) {
			float sum = rows[i] + c[i % 3], got = out[i / 3 * 6 + i % 3];

			assert_true(isnan(sum) ? isnan(got) : sum == got);
			assert_true(casts[i] == out[i / 3 * 6 + 3 + i % 3]);
		}
		model_close(model);
	}
}

static void any_bits_are_scored(void **state)
{
	for (size_t r = 0; r < N_RULES; r++) {
		struct model *model = open_graph(graph_mlp(4, MLP, true, 3), &RULES[r]);
		char *scratch =
			aligned_alloc(64, (model_scratch_bytes(model, 16) + 63) & ~(size_t)63);
		float rows[16 * 41], out[16 * 5];
		unsigned seed = 99;

		for (int i = 0; i < 16 * 41; i++) {
			uint32_t bits = (uint32_t)(graph_random(&seed) * 4e9f + 2e9f);

			memcpy(&rows[i], &bits, sizeof(bits));
		}
		for (int i = 0; i < 41; i++)
			rows[i] = i % 2 ? INFINITY : NAN;
		model_score(model, rows, out, 16, scratch, 16);
		free(scratch);
		model_close(model);
	}
}

static void info_and_steps_tell(void **state)
{
	struct model *model = open_graph(graph_mlp(4, MLP, true, 3), &RULES[3]);
	struct plan_step_info info;

	assert_string_equal(model_info(model)->name, "test");
	assert_int_equal(model_info(model)->n_features, 41);
	assert_int_equal(model_info(model)->macs_per_row, 41 * 64 + 64 * 32 + 32 * 5);
	assert_int_equal(model_n_steps(model), 4);
	model_step_info(model, 0, &info);
	assert_string_equal(info.op, "Dense");
	assert_string_equal(info.shape, "41 -> 64 + Relu");
	assert_non_null(info.kernel[3]);
	model_close(model);
}

static void golden_rows_are_checked(void **state)
{
	float rows[2 * 41] = { 1, 2, 3 }, expected[2 * 5];
	struct graph *graph = graph_mlp(4, MLP, true, 3);
	struct error err = { .text = "" };
	struct model *model;
	double want[5];

	for (int r = 0; r < 2; r++) {
		reference(graph, rows + r * 41, want);
		for (int j = 0; j < 5; j++)
			expected[r * 5 + j] = (float)want[j];
	}
	graph->n_golden = 2;
	graph->golden_rows = rows;
	graph->golden_outputs = expected;
	model = open_graph(graph, &RULES[3]);
	assert_int_equal(model_check_golden(model, &err), 0);
	model_close(model);

	expected[7] += 1e-3f;
	graph = graph_mlp(4, MLP, true, 3);
	graph->n_golden = 2;
	graph->golden_rows = rows;
	graph->golden_outputs = expected;
	model = open_graph(graph, &RULES[3]);
	assert_int_equal(model_check_golden(model, &err), -EINVAL);
	assert_non_null(strstr(err.text, "golden row 1 column 2"));
	model_close(model);
}

static struct plan_step_info step_of(const struct model *model, uint32_t index)
{
	struct plan_step_info info;

	model_step_info(model, index, &info);
	return info;
}

// A kernel that timing would hardly pick for one row and a time that it would never see tell that none
// was done. It is of the order that rows are added up in on this CPU: no other is taken over.
static void kernels_known_before_are_not_timed_again(void **state)
{
	struct model_options options = { .no_timing = false };
	struct model *model = open_graph(graph_mlp(4, MLP, true, 1), &options);
	struct model_choices *choices = model_choices(model);
	const char *kernel = dense_pick(isa_detected(), MODEL_BATCH_CLASS[2], 41, 64)->name;
	const uint32_t n_steps = model_n_steps(model);
	float row[41] = { 1.0f }, before[5], after[5];
	void *scratch = aligned_alloc(64, (model_scratch_bytes(model, 1) + 63) & ~(size_t)63);

	assert_non_null(choices);
	assert_int_equal(choices->n_steps, n_steps);
	model_score(model, row, before, 1, scratch, 1);
	model_close(model);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		choices->steps[0].kernel[c] = kernel;
	choices->steps[1].ns_per_row[0] = 12345.5;
	options.choices = choices;
	model = open_graph(graph_mlp(4, MLP, true, 1), &options);
	assert_string_equal(step_of(model, 0).kernel[0], kernel);
	assert_string_equal(step_of(model, 1).kernel[0], choices->steps[1].kernel[0]);
	assert_true(step_of(model, 1).ns_per_row[0] == 12345.5);
	model_score(model, row, after, 1, scratch, 1);
	for (int j = 0; j < 5; j++)
		assert_true(fabsf(before[j] - after[j]) < 1e-5f);
	model_close(model);
	free(scratch);
	free(choices);
}

static struct graph *conv_graph(int64_t channels_out)
{
	struct graph *graph = graph_create();
	const uint32_t inputs[2] = { graph_f32(graph, "x", 3, (int64_t[]){ 1, 4, 32 }),
		graph_f32_constant(graph, "w", 3, (int64_t[]){ channels_out, 4, 3 }, 1) };

	graph_finish(graph, inputs[0], graph_op(graph, OP_CONV, 2, inputs));
	return graph;
}

static struct graph *rnn_graph(void)
{
	struct graph *graph = graph_create();
	const uint32_t inputs[3] = { graph_f32(graph, "x", 3, (int64_t[]){ 16, 1, 8 }),
		graph_f32_constant(graph, "w", 3, (int64_t[]){ 1, 8, 8 }, 1),
		graph_f32_constant(graph, "r", 3, (int64_t[]){ 1, 8, 8 }, 2) };
	const uint32_t outputs[2] = { graph_f32(graph, "y", 4, (int64_t[]){ 16, 1, 1, 8 }),
		graph_f32(graph, "y_h", 3, (int64_t[]){ 1, 1, 8 }) };

	graph_add_node(graph, OP_RNN, NULL, 3, inputs, 2, outputs, NULL);
	node_set_ints(graph, &graph->nodes[0], ATTR_ACTIVATIONS, 1, (int64_t[]){ RECURRENT_TANH });
	node_set_floats(graph, &graph->nodes[0], ATTR_ALPHAS, 1, (float[]){ 0 });
	node_set_floats(graph, &graph->nodes[0], ATTR_BETAS, 1, (float[]){ 0 });
	graph_finish(graph, inputs[0], outputs[0]);
	return graph;
}

static struct graph *chosen_graph(int which)
{
	return which < 2 ? conv_graph(which == 0 ? 6 : 16) : rnn_graph(); // by lines, by tiles
}

// A time that timing would never see tells that the choice is made as that of a dense layer's kernel is.
static void known_kernels_of_other_families_are_taken_over(void **state)
{
	for (int which = 0; which < 3; which++) {
		struct model_options options = { .no_timing = false };
		struct model *model = open_graph(chosen_graph(which), &options);
		struct model_choices *choices = model_choices(model);

		assert_non_null(choices);
		model_close(model);
		choices->steps[0].ns_per_row[0] = 12345.5;
		options.choices = choices;
		model = open_graph(chosen_graph(which), &options);
		assert_string_equal(step_of(model, 0).kernel[0], choices->steps[0].kernel[0]);
		assert_true(step_of(model, 0).ns_per_row[0] == 12345.5);
		model_close(model);
		free(choices);
	}
}

static void choices_that_do_not_fit_are_passed_over(void **state)
{
	const struct model_options scalar = { .isa_limited = true, .isa_mask = ISA_SCALAR };
	const uint32_t sizes[3] = { 7, 300, 2 };
	struct model *model = open_graph(graph_mlp(4, MLP, true, 1), &scalar);
	struct model_choices *choices = model_choices(model);
	struct model_options options = { .choices = choices };

	model_close(model);
	assert_non_null(choices);
	choices->steps[0].ns_per_row[0] = 12345.5;
	model = open_graph(graph_mlp(4, MLP, true, 1), &options); // another instruction set
	assert_true(step_of(model, 0).ns_per_row[0] != 12345.5);
	model_close(model);
	options.isa_limited = true;
	model = open_graph(graph_mlp(3, sizes, false, 1), &options); // another model
	assert_true(step_of(model, 0).ns_per_row[0] != 12345.5);
	model_close(model);
	options = (struct model_options){ .no_timing = true };
	model = open_graph(graph_mlp(3, sizes, false, 1), &options);
	assert_null(model_choices(model));
	model_close(model);
	free(choices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mlp_matches_reference_under_every_mask),
		cmocka_unit_test(mixed_operators_score),
		cmocka_unit_test(any_bits_are_scored),
		cmocka_unit_test(info_and_steps_tell),
		cmocka_unit_test(golden_rows_are_checked),
		cmocka_unit_test(kernels_known_before_are_not_timed_again),
		cmocka_unit_test(known_kernels_of_other_families_are_taken_over),
		cmocka_unit_test(choices_that_do_not_fit_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
