// SPDX-License-Identifier: BSD-3-Clause
// The ONNX project's own operator tests (Debian: libonnx-testdata; newer ones where the shared
// folder has them): each is computed as it says or is refused with a sentence; none is computed
// otherwise.
#include "tests/parity/parity.h"

#include "onnx.pb-c.h"
#include "tests/cmocka.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBIAN "/usr/share/libonnx-testdata/data"
// ONNX's own tolerance for its node tests, relative.
#define TOLERANCE 1e-3

// Operators that these tests compute with parameters we take; each must have passed at least once.
static const char *const OPERATORS[] = { "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Relu",
	"LeakyRelu", "Elu", "Selu", "PRelu", "Sigmoid", "HardSigmoid", "Tanh", "Softplus",
	"Softsign", "Clip", "Softmax", "LogSoftmax", "BatchNormalization", "LayerNormalization",
	"Identity", "Dropout", "Flatten", "Concat", "Constant", "Cast" };
#define N_OPERATORS (sizeof(OPERATORS) / sizeof(*OPERATORS))

static unsigned n_passed, n_refused, passed_by[N_OPERATORS];

struct float_list {
	float *at;
	size_t n;
};

static bool append(struct float_list *values, float value)
{
	if ((values->n & (values->n - 1)) == 0) {
		float *grown = realloc(values->at, (values->n ? values->n * 2 : 1) * sizeof(float));

		if (!grown)
			return false;
		values->at = grown;
	}
	values->at[values->n++] = value;
	return true;
}

static uint8_t bytes[1 << 24];

static size_t read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	return n;
}

// Appends a tensor file's values; false where it holds other than floats and doubles.
static bool read_tensor(const char *path, struct float_list *values)
{
	size_t n = read_file(path), width;
	Onnx__TensorProto *tensor = onnx__tensor_proto__unpack(NULL, n, bytes);
	bool numbers;

	if (!tensor)
		return false; // a sequence or an optional
	width = tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ? sizeof(float)
									  : sizeof(double);
	numbers = tensor->has_raw_data &&
		(width == sizeof(float) ||
			tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE);
	for (size_t i = 0; numbers && i < tensor->raw_data.len / width; i++) {
		const uint8_t *at = tensor->raw_data.data + i * width;
		double wide;
		float value;

		memcpy(&value, at, sizeof(float));
		if (width == sizeof(double)) {
			memcpy(&wide, at, sizeof(double));
			value = (float)wide;
		}
		numbers = append(values, value);
	}
	onnx__tensor_proto__free_unpacked(tensor, NULL);
	return numbers;
}

static void count_operators(const char *path)
{
	size_t size = read_file(path);
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);

	assert_non_null(model);
	for (size_t n = 0; n < model->graph->n_node; n++) {
		for (size_t i = 0; i < N_OPERATORS; i++)
			passed_by[i] += strcmp(model->graph->node[n]->op_type, OPERATORS[i]) == 0;
	}
	onnx__model_proto__free_unpacked(model, NULL);
}

static bool read_all(const char *folder, const char *what, struct float_list *values)
{
	char pattern[512];
	bool all = true;

	for (int i = 0;; i++) {
		snprintf(pattern, sizeof(pattern), "%s/test_data_set_0/%s_%d.pb", folder, what, i);
		if (access(pattern, R_OK) != 0)
			return all && i > 0;
		all = all && read_tensor(pattern, values);
	}
}

static void node_test_passes_or_is_refused(void **state)
{
	const char *folder = *state;
	struct float_list rows = { 0 }, expected = { 0 };
	struct error err = { .text = "" };
	char path[512];
	size_t size;
	void *image;

	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	if (model_compile(path, NULL, &image, &size, NULL, &err) != 0) {
		assert_true(err.text[0] != '\0');
		n_refused++;
		return;
	}
	if (read_all(folder, "input", &rows) && read_all(folder, "output", &expected)) {
		double difference = parity_difference(image, size, rows.at, 1, (uint32_t)rows.n,
			expected.at, (uint32_t)expected.n, &err);

		if (difference < 0 || difference > TOLERANCE)
			fail_msg("%s: difference %g %s", folder, difference, err.text);
		n_passed++;
		count_operators(path);
	} else {
		n_refused++; // values of other types than we take
	}
	free(rows.at);
	free(expected.at);
	free(image);
}

static void supported_operators_are_among_them(void **state)
{
	print_message("# %u operator tests passed, %u refused\n", n_passed, n_refused);
	assert_true(n_passed >= 120);
	for (size_t i = 0; i < N_OPERATORS; i++) {
		if (passed_by[i] == 0)
			fail_msg("no test of %s passed", OPERATORS[i]);
	}
}

int main(void)
{
	static const char *const PATTERNS[] = { DEBIAN "/node/test_*", DEBIAN "/pytorch-*/test_*",
		DEBIAN "/simple/test_*" };
	const char *shared = getenv("MARTLET_SHARED") ? getenv("MARTLET_SHARED") : "../shared";
	struct CMUnitTest *tests;
	char newer[512];
	glob_t found = { 0 };
	size_t n;
	int failed;

	if (access(DEBIAN, R_OK) != 0) {
		printf("1..1\nok 1 - onnx_nodes # SKIP no " DEBIAN " (package libonnx-testdata)\n");
		return 0;
	}
	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(*PATTERNS); i++)
		glob(PATTERNS[i], GLOB_ONLYDIR | (i ? GLOB_APPEND : 0), NULL, &found);
	snprintf(newer, sizeof(newer), "%s/data/onnx-node-tests/node/test_*", shared);
	glob(newer, GLOB_ONLYDIR | GLOB_APPEND, NULL, &found);
	n = found.gl_pathc;
	tests = calloc(n + 1, sizeof(*tests));
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = strstr(found.gl_pathv[i], "/data/") + 6,
			.test_func = node_test_passes_or_is_refused,
			.initial_state = found.gl_pathv[i] };
	tests[n] = (struct CMUnitTest)cmocka_unit_test(supported_operators_are_among_them);
	failed = _cmocka_run_group_tests("onnx_nodes", tests, n + 1, NULL, NULL);
	free(tests);
	globfree(&found);
	return failed;
}
