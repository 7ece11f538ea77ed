// SPDX-License-Identifier: BSD-3-Clause
// sklearn's models of tests/fixtures/parity against sklearn's own float64 outputs.
#include "base/rows.h"
#include "infer/compile/compile.h"
#include "tests/parity/parity.h"

#include "onnx.pb-c.h"
#include "tests/cmocka.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-5

static void read_beside(const char *onnx, const char *ending, struct rows *rows, uint32_t n_columns)
{
	const struct rows_options options = { .n_columns = n_columns };
	struct error err = { .text = "" };
	char path[512];

	snprintf(path, sizeof(path), "%.*s%s", (int)(strlen(onnx) - strlen(".onnx")), onnx, ending);
	if (rows_read(path, &options, rows, &err) != 0)
		fail_msg("%s", err.text);
}

static void model_matches_sklearn(void **state)
{
	const char *path = *state;
	struct compile_report report;
	struct rows rows, expected;
	struct error err = { .text = "" };
	double difference;
	size_t size;
	void *image;

	read_beside(path, ".rows.npy", &rows, 0);
	read_beside(path, ".expected.npy", &expected, 0);
	if (model_compile(path, NULL, &image, &size, &report, &err) != 0)
		fail_msg("%s", err.text);
	difference = parity_difference(image, size, rows.values, rows.n_rows, rows.n_columns,
		expected.values, expected.n_columns, &err);
	print_message("# %s: %zu rows, largest difference %.2g\n", path, rows.n_rows, difference);
	if (difference < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rows.n_rows, expected.n_rows);
	assert_true(difference <= TOLERANCE);
	free(image);
	compile_report_fini(&report);
	rows_fini(&rows);
	rows_fini(&expected);
}

static Onnx__ModelProto *read_model(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "r");
	Onnx__ModelProto *model;
	size_t n;

	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	model = onnx__model_proto__unpack(NULL, n, bytes);
	assert_non_null(model);
	return model;
}

static double difference_of(
	const Onnx__ModelProto *model, const struct rows *rows, const struct rows *expected)
{
	size_t n = onnx__model_proto__get_packed_size(model), size;
	uint8_t *bytes = malloc(n);
	struct error err = { .text = "" };
	double difference;
	void *image;

	onnx__model_proto__pack(model, bytes);
	if (compile_bytes("changed", bytes, n, NULL, &image, &size, NULL, &err) != 0)
		fail_msg("%s", err.text);
	difference = parity_difference(image, size, rows->values, rows->n_rows, rows->n_columns,
		expected->values, expected->n_columns, &err);
	free(image);
	free(bytes);
	return difference;
}

struct weights { // of one tensor, floats or doubles
	void *at;
	size_t n, width;
	const char *name;
};

static void scale(const struct weights *weights)
{
	for (size_t i = 0; i < weights->n; i++) {
		char *at = (char *)weights->at + i * weights->width;
		double wide;
		float value;

		memcpy(&value, at, sizeof(value));
		if (weights->width == sizeof(wide)) {
			memcpy(&wide, at, sizeof(wide));
			wide *= 1.01;
			memcpy(at, &wide, sizeof(wide));
		} else {
			value *= 1.01f;
			memcpy(at, &value, sizeof(value));
		}
	}
}

// Initialisers, and the coefficients that linear models hold as attributes.
static size_t list_weights(const Onnx__GraphProto *graph, struct weights *list, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < graph->n_initializer && n < room; i++) {
		Onnx__TensorProto *w = graph->initializer[i];
		bool wide = w->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
		size_t width = wide ? sizeof(double) : sizeof(float);

		if (w->raw_data.len > 0 &&
			(wide || w->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT))
			list[n++] = (struct weights){ w->raw_data.data, w->raw_data.len / width,
				width, w->name };
	}
	for (size_t i = 0; i < graph->n_node; i++) {
		for (size_t a = 0; a < graph->node[i]->n_attribute && n < room; a++) {
			Onnx__AttributeProto *attr = graph->node[i]->attribute[a];

			if (strcmp(attr->name, "coefficients") == 0)
				list[n++] = (struct weights){ attr->floats, attr->n_floats,
					sizeof(float), attr->name };
		}
	}
	return n;
}

// The comparison above would see any one tensor of weights off by a hundredth.
static void changed_weights_are_noticed(void **state)
{
	const char *path = *state;
	Onnx__ModelProto *model = read_model(path);
	struct rows rows, expected;
	struct weights list[32];
	size_t n = list_weights(model->graph, list, sizeof(list) / sizeof(*list));

	read_beside(path, ".rows.npy", &rows, 0);
	read_beside(path, ".expected.npy", &expected, 0);
	assert_true(difference_of(model, &rows, &expected) <= TOLERANCE);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		size_t bytes = list[i].n * list[i].width;
		void *kept = malloc(bytes);

		memcpy(kept, list[i].at, bytes);
		scale(&list[i]);
		if (difference_of(model, &rows, &expected) <= TOLERANCE)
			fail_msg("%s: nobody notices that %s changed", path, list[i].name);
		memcpy(list[i].at, kept, bytes);
		free(kept);
	}
	onnx__model_proto__free_unpacked(model, NULL);
	rows_fini(&rows);
	rows_fini(&expected);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t found;
	int failed;

	if (glob("tests/fixtures/parity/*.onnx", 0, NULL, &found) != 0)
		return 1; // they are committed
	tests = calloc(2 * found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = found.gl_pathv[i],
			.test_func = model_matches_sklearn,
			.initial_state = found.gl_pathv[i] };
	for (size_t i = 0; i < found.gl_pathc; i++) {
		tests[found.gl_pathc + i] = tests[i];
		tests[found.gl_pathc + i].name = "the same with changed weights";
		tests[found.gl_pathc + i].test_func = changed_weights_are_noticed;
	}
	failed = _cmocka_run_group_tests("parity", tests, 2 * found.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&found);
	return failed;
}
