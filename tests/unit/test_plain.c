// SPDX-License-Identifier: BSD-3-Clause
// Plain forms: every operator of the list has one and a shape rule, a node of constants folds
// whatever its operator, and what is folded is what the plan computes. Each fixture is evaluated by
// nothing but folding, its inputs being made constants, as it was imported and as it was compiled.
#include "base/align.h"
#include "base/file.h"
#include "base/rows.h"
#include "infer/graph/act.h"
#include "infer/image/image.h"
#include "infer/import/import.h"
#include "infer/infer.h"
#include "infer/ops/fold.h"
#include "infer/ops/table.h"
#include "tests/cmocka.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MODELS    "tests/fixtures/operators/models/"
#define EXPECTED  "tests/fixtures/operators/expected/"
#define TOLERANCE 1e-5
#define FILE_MAX  (1 << 20)

static unsigned n_folded[OP_COUNT], n_rounded; // the latter: models of bfloat16

static bool close_to(float got, float want)
{
	if (isnan(want) || isinf(want))
		return isnan(want) ? isnan(got) : got == want;
	return fabs((double)got - (double)want) <= TOLERANCE * fmax(1, fabs((double)want));
}

// The graph's scores of one row, by folding all of its nodes.
static void fold_row(struct graph *graph, const float *row, float *scores, const char *what)
{
	struct error err = { .text = "" };

	for (uint32_t i = 0; i < graph->n_inputs; i++)
		graph->tensors[graph->inputs[i].tensor].data = row + graph->inputs[i].first_column;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		if (op_fold(graph, node, &err) != 1)
			fail_msg("%s: %s does not fold %s", what, op_name(node->op), err.text);
		n_folded[node->op]++;
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++) {
		const struct tensor *y = &graph->tensors[graph->outputs[o].tensor];

		memcpy(scores + graph->outputs[o].first_column, y->data, tensor_bytes(y));
	}
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		for (uint32_t o = 0; o < graph->nodes[n].n_outputs; o++) {
			if (graph->nodes[n].outputs[o] != GRAPH_NONE)
				graph->tensors[graph->nodes[n].outputs[o]].data = NULL;
		}
	}
}

// rows [n][n_features], want [n][n_columns_out], each `step` floats apart.
static void check_graph(struct graph *graph, size_t n, const float *rows, const float *want,
	size_t step, const char *what)
{
	float *got = calloc(graph->n_columns_out + 1, sizeof(*got));

	assert_non_null(got);
	for (size_t r = 0; r < n; r++, rows += step, want += step) {
		fold_row(graph, rows, got, what);
		for (uint32_t c = 0; c < graph->n_columns_out; c++) {
			if (!close_to(got[c], want[c]))
				fail_msg("%s: row %zu, column %u is %.9g, should be %.9g", what, r,
					c, (double)got[c], (double)want[c]);
		}
	}
	free(got);
}

static void check_imported(const char *path, const struct rows *both)
{
	struct error err = { .text = "" };
	struct graph *graph = NULL;
	void *bytes;
	size_t size;

	if (file_read(path, FILE_MAX, &bytes, &size, &err) != 0 ||
		import_model(bytes, size, &(struct import_options){ .labels = false }, &graph, NULL,
			&err) != 0)
		fail_msg("%s: %s", path, err.text);
	assert_int_equal(graph->n_features + graph->n_columns_out, both->n_columns);
	check_graph(graph, both->n_rows, both->values, both->values + graph->n_features,
		both->n_columns, path);
	graph_destroy(graph);
	free(bytes);
}

// Against the plan, on the fixture's rows.
static void check_image(const char *path, const void *image, size_t size, const struct rows *both)
{
	const struct model_options scalar = { .isa_limited = true, .no_timing = true };
	struct error err = { .text = "" };
	struct graph *graph = NULL;
	struct model *model;
	size_t in, row;
	float *mixed;
	void *scratch;

	if (model_open(image, size, &scalar, &model, &err) != 0 ||
		image_open(image, size, &graph, &err) != 0)
		fail_msg("%s: %s", path, err.text);
	in = graph->n_features;
	row = both->n_columns;
	mixed = malloc(both->n_rows * row * sizeof(*mixed));
	scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, 1), 64));
	assert_true(mixed && scratch);
	memcpy(mixed, both->values, both->n_rows * row * sizeof(*mixed));
	for (size_t r = 0; r < both->n_rows; r++)
		model_score(model, mixed + r * row, mixed + r * row + in, 1, scratch, 1);
	check_graph(graph, both->n_rows, mixed, mixed + in, row, path);
	free(scratch);
	free(mixed);
	graph_destroy(graph);
	model_close(model);
}

static void check_compiled(const char *path, enum weights_kind weights, const struct rows *both)
{
	const struct compile_options options = { .weights = weights };
	struct error err = { .text = "" };
	void *image, *aligned;
	size_t size;

	if (model_compile(path, &options, &image, &size, NULL, &err) != 0) {
		if (weights == WEIGHTS_F32 || !strstr(err.text, "no dense layer"))
			fail_msg("%s: %s", path, err.text);
		return; // it has none that could be rounded
	}
	n_rounded += weights == WEIGHTS_BF16;
	aligned = aligned_alloc(64, align_up(size, 64));
	assert_non_null(aligned);
	memcpy(aligned, image, size);
	check_image(path, aligned, size, both);
	free(aligned);
	free(image);
}

static void fixture_folds(void **state)
{
	const struct rows_options options = { 0 };
	const char *path = *state, *name = strrchr(path, '/') + 1;
	struct error err = { .text = "" };
	struct rows both;
	char beside[256];

	snprintf(beside, sizeof(beside), EXPECTED "%.*s.npy", (int)(strlen(name) - strlen(".onnx")),
		name);
	if (rows_read(beside, &options, &both, &err) != 0)
		fail_msg("%s", err.text);
	check_imported(path, &both);
	check_compiled(path, WEIGHTS_F32, &both);
	check_compiled(path, WEIGHTS_BF16, &both);
	rows_fini(&both);
}

static uint32_t constant(struct graph *graph, uint32_t rank, const int64_t *dims, const void *data)
{
	struct error err = { .text = "" };
	uint32_t made = graph_add_tensor(graph, "c", DTYPE_F32, rank, dims, data, &err);

	if (made == GRAPH_NONE)
		fail_msg("%s", err.text);
	return made;
}

// What op_fold() makes of a node with ATTR_AXIS and these inputs.
static int fold_of(struct graph *graph, enum op op, int64_t axis, uint32_t n, const uint32_t *x)
{
	struct error err = { .text = "" };
	struct tensor shape = { 0 };
	uint32_t y = graph_add_tensor(graph, "y", DTYPE_F32, 0, NULL, NULL, &err);
	uint32_t node = graph_add_node(graph, op, "n", n, x, 1, &y, &err);

	if (node == GRAPH_NONE || node_set_int(graph, &graph->nodes[node], ATTR_AXIS, axis) != 0 ||
		op_infer(graph, &graph->nodes[node], &shape, &err) != 0)
		fail_msg("%s", err.text);
	graph->tensors[y] = shape;
	return op_fold(graph, &graph->nodes[node], &err);
}

// Files of a few bytes must not take hours: neither by dimensions around no values, nor by many
// inputs without any.
static void nothing_folds_at_once(void **state)
{
	enum { LONG = 1 << 20, MANY = 4096 };
	struct graph *graph = graph_create();
	float *values = calloc(LONG, sizeof(*values));
	uint32_t inputs[MANY];

	(void)state;
	assert_true(graph && values);
	inputs[0] = constant(graph, 3, (int64_t[]){ 0, 1 << 28, 1 << 28 }, values);
	assert_int_equal(fold_of(graph, OP_CUM_SUM, 0, 1, inputs), 1);
	inputs[0] = constant(graph, 2, (int64_t[]){ LONG, 1 }, values);
	for (uint32_t i = 1; i < MANY; i++)
		inputs[i] = i == 1 ? constant(graph, 2, (int64_t[]){ LONG, 0 }, values) : inputs[1];
	assert_int_equal(fold_of(graph, OP_CONCAT, 1, 2, inputs), 1);
	assert_int_equal(fold_of(graph, OP_CONCAT, 1, MANY, inputs), 0);
	graph->folded_work = FOLD_WORK_ALL; // as after many nodes
	assert_int_equal(fold_of(graph, OP_CONCAT, 1, 2, inputs), 0);
	free(values);
	graph_destroy(graph);
}

static void one_hot_of_what_is_no_index_is_off(void **state)
{
	static const float INDICES[] = { 1, -1, 2, 1e30f, -1e30f, NAN, INFINITY, -0.5f };
	static const float VALUES[] = { 5, 7 };
	static const float WANTED[][2] = { { 5, 7 }, { 5, 7 }, { 5, 5 }, { 5, 5 }, { 5, 5 },
		{ 5, 5 }, { 5, 5 }, { 7, 5 } };
	float got[8][2];
	const struct tensor in[] = { { .dtype = DTYPE_F32, .rank = 1, .dims = { 8 } },
		{ .dtype = DTYPE_F32, .rank = 1, .dims = { 2 } } };
	const struct tensor out = { .dtype = DTYPE_F32, .rank = 2, .dims = { 8, 2 } };
	struct attr depth = { .key = ATTR_DEPTH, .kind = ATTR_KIND_INT, .count = 1, .i = 2 };
	const struct node node = { .op = OP_ONE_HOT, .attrs = &depth, .n_attrs = 1 };
	const struct plain plain = { .node = &node, .in = in, .out = &out, .n_in = 2, .n_out = 1 };

	(void)state;
	op_plain(OP_ONE_HOT)
		->run(&plain, (const void *[]){ INDICES, VALUES }, (void *[]){ got }, NULL);
	assert_memory_equal(got, WANTED, sizeof(WANTED));
}

// The numbers of `x`[4] among keys [N], or [4, N].
static void finds(enum dtype dtype, const void *x, int64_t n, bool shared, const void *keys,
	const int64_t *numbers, const int64_t *wanted)
{
	int64_t got[4];
	struct tensor in[3] = { { .dtype = dtype, .rank = 1, .dims = { 4 } },
		{ .dtype = dtype, .rank = shared ? 1 : 2, .dims = { shared ? n : 4, n } } };
	const struct tensor out = { .dtype = DTYPE_I64, .rank = 1, .dims = { 4 } };
	const struct node node = { .op = OP_FIND };
	const struct plain plain = { .node = &node, .in = in, .out = &out, .n_in = 3, .n_out = 1 };

	in[2] = in[1];
	in[2].dtype = DTYPE_I64;
	op_plain(OP_FIND)->run(
		&plain, (const void *[]){ x, keys, numbers }, (void *[]){ got }, NULL);
	assert_memory_equal(got, wanted, sizeof(got));
}

static void find_looks_among_keys(void **state)
{
	static const int64_t NUMBERS[] = { 40, 50, 60, 70 };
	static const float REALS[] = { -2.5f, 0, 7, NAN };
	static const int64_t WHOLE[] = { INT64_MIN, -1, 0, INT64_MAX };

	finds(DTYPE_F32, (const float[]){ 7, NAN, -0.0f, 1 }, 4, true, REALS, NUMBERS,
		(const int64_t[]){ 60, 70, 50, 4 });
	finds(DTYPE_F32, (const float[]){ NAN, INFINITY, -INFINITY, -2.5f }, 3, true, REALS,
		NUMBERS, (const int64_t[]){ 3, 3, 3, 40 });
	finds(DTYPE_F32, (const float[]){ 3, 0.5f, 2, 4 }, 4, true, (const float[]){ 0, 1, 2, 3 },
		NUMBERS, (const int64_t[]){ 70, 4, 60, 4 });
	finds(DTYPE_I64, (const int64_t[]){ INT64_MAX, INT64_MIN, 1, 0 }, 4, true, WHOLE, NUMBERS,
		(const int64_t[]){ 70, 40, 4, 60 });
	finds(DTYPE_I64, (const int64_t[]){ 0, 0, 0, 0 }, 0, true, WHOLE, NUMBERS,
		(const int64_t[]){ 0, 0, 0, 0 });
	finds(DTYPE_I64, (const int64_t[]){ -1, 0, INT64_MAX, 5 }, 1, false, WHOLE, NUMBERS,
		(const int64_t[]){ 1, 1, 1, 1 });
	finds(DTYPE_I64, (const int64_t[]){ INT64_MIN, -1, 0, INT64_MAX }, 1, false, WHOLE, NUMBERS,
		NUMBERS);
	// Keys that an image has in another order are not read past.
	finds(DTYPE_F32, (const float[]){ 3, 1, 2, 4 }, 4, true,
		(const float[]){ 9, NAN, 1, -1e30f }, NUMBERS, (const int64_t[]){ 4, 4, 4, 4 });
	(void)state;
}

static void the_largest_of_a_window_with_nan_is_nan(void **state)
{
	static const float X[] = { 1, NAN, 3, 2, NAN };
	const struct tensor in = { .dtype = DTYPE_F32, .rank = 3, .dims = { 1, 1, 5 } };
	const struct tensor out = { .dtype = DTYPE_F32, .rank = 3, .dims = { 1, 1, 4 } };
	struct attr kernel = { .key = ATTR_KERNEL_SHAPE,
		.kind = ATTR_KIND_INTS,
		.count = 1,
		.ints = (const int64_t[]){ 2 } };
	const struct node node = { .op = OP_MAX_POOL, .attrs = &kernel, .n_attrs = 1 };
	const struct plain plain = { .node = &node, .in = &in, .out = &out, .n_in = 1, .n_out = 1 };
	float y[4];

	(void)state;
	op_plain(OP_MAX_POOL)->run(&plain, (const void *[]){ X }, (void *[]){ y }, NULL);
	assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 3 && isnan(y[3]));
}

// As the vector form has it: an infinite value times 0 would be NaN.
static void sigmoid_far_left_of_0_is_not_0(void **state)
{
	const struct act act = act_defaults(ACTIVATION_SIGMOID);

	(void)state;
	assert_true(act_f32(&act, -90) > 0 && act_f32(&act, -90) < 1e-38f);
	assert_true(act_f64(&act, -720) > 0 && act_f64(&act, -720) < 1e-300);
	assert_true(act_f32(&act, 90) == 1 && act_f32(&act, 0) == 0.5f);
}

// Quantised recurrent layers are made here, so that no foreign file has one.
static void images_of_quantised_layers_fold(void **state)
{
	static const char *const PATHS[] = { "tests/fuzz/corpus/image/qrecurrent_gru.mlt",
		"tests/fuzz/corpus/image/qrecurrent_lstm.mlt" };

	(void)state;
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(*PATHS); i++) {
		struct error err = { .text = "" };
		struct graph *graph = NULL;
		struct rows both = { 0 };
		void *bytes, *image;
		size_t size, in, out;

		if (file_read(PATHS[i], FILE_MAX, &bytes, &size, &err) != 0)
			fail_msg("%s", err.text);
		image = aligned_alloc(64, align_up(size, 64));
		assert_non_null(image);
		memcpy(image, bytes, size);
		free(bytes);
		if (image_open(image, size, &graph, &err) != 0)
			fail_msg("%s: %s", PATHS[i], err.text);
		in = graph->n_features;
		out = graph->n_columns_out;
		both.n_rows = graph->n_golden;
		both.n_columns = (uint32_t)(in + out);
		both.values = calloc(both.n_rows + 1, (in + out) * sizeof(*both.values));
		assert_true(both.values && both.n_rows > 0);
		for (size_t r = 0; r < both.n_rows; r++)
			memcpy(both.values + r * (in + out), graph->golden_rows + r * in,
				in * sizeof(*both.values));
		graph_destroy(graph);
		check_image(PATHS[i], image, size, &both);
		free(both.values);
		free(image);
	}
}

static void every_operator_folds(void **state)
{
	(void)state;
	for (unsigned op = 0; op < OP_COUNT; op++) {
		assert_non_null(op_plain(op));
		assert_non_null(op_plain(op)->run);
		if (n_folded[op] == 0)
			print_error("no fixture has %s\n", op_name(op));
	}
	for (unsigned op = 0; op < OP_COUNT; op++)
		assert_true(n_folded[op] > 0);
	assert_true(n_rounded > 0);
}

int main(void)
{
	static const struct CMUnitTest OTHERS[] = {
		cmocka_unit_test(images_of_quantised_layers_fold),
		cmocka_unit_test(every_operator_folds), // after all that fold
		cmocka_unit_test(nothing_folds_at_once),
		cmocka_unit_test(one_hot_of_what_is_no_index_is_off),
		cmocka_unit_test(find_looks_among_keys),
		cmocka_unit_test(the_largest_of_a_window_with_nan_is_nan),
		cmocka_unit_test(sigmoid_far_left_of_0_is_not_0),
	};
	const size_t n_others = sizeof(OTHERS) / sizeof(*OTHERS);
	struct CMUnitTest *tests;
	glob_t found;
	size_t n;
	int rc;

	if (glob(MODELS "*.onnx", 0, NULL, &found) != 0)
		return 1;
	n = found.gl_pathc;
	tests = calloc(n + n_others, sizeof(*tests));
	if (!tests)
		return 1;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = strrchr(found.gl_pathv[i], '/') + 1,
			.test_func = fixture_folds,
			.initial_state = found.gl_pathv[i] };
	memcpy(tests + n, OTHERS, sizeof(OTHERS));
	rc = _cmocka_run_group_tests("plain", tests, n + n_others, NULL, NULL);
	globfree(&found);
	free(tests);
	return rc;
}
