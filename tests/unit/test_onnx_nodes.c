// SPDX-License-Identifier: BSD-3-Clause
// The ONNX project's own node tests (Debian: libonnx-testdata): each is computed as it says or is
// refused with a sentence; none is computed otherwise.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/parity/parity.h"

#include "onnx.pb-c.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE_TESTS "/usr/share/libonnx-testdata/data/node"
// ONNX's own tolerance for its node tests, relative.
#define TOLERANCE 1e-3

static unsigned n_passed, n_refused;

struct values {
	float *at;
	size_t n;
};

static bool append(struct values *values, float value)
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

// Appends a tensor file's values; false where it holds other than floats.
static bool read_tensor(const char *path, struct values *values)
{
	static uint8_t bytes[1 << 22];
	FILE *file = fopen(path, "r");
	Onnx__TensorProto *tensor;
	bool numbers;
	size_t n;

	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	tensor = onnx__tensor_proto__unpack(NULL, n, bytes);
	if (!tensor)
		return false; // a sequence or an optional
	numbers = tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && tensor->has_raw_data;
	for (size_t i = 0; numbers && i < tensor->raw_data.len / sizeof(float); i++) {
		float value;

		memcpy(&value, tensor->raw_data.data + i * sizeof(float), sizeof(float));
		numbers = append(values, value);
	}
	onnx__tensor_proto__free_unpacked(tensor, NULL);
	return numbers;
}

static bool read_all(const char *folder, const char *what, struct values *values)
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
	struct values rows = { 0 }, expected = { 0 };
	struct error err = { "" };
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
	} else {
		n_refused++; // values of other types than we take
	}
	free(rows.at);
	free(expected.at);
	free(image);
}

static void supported_operators_are_among_them(void **state)
{
	print_message("# %u node tests passed, %u refused\n", n_passed, n_refused);
	assert_true(n_passed >= 60);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t found;
	size_t n;
	int failed;

	if (glob(NODE_TESTS "/test_*", GLOB_ONLYDIR, NULL, &found) != 0) {
		printf("1..1\nok 1 - onnx_nodes # SKIP no " NODE_TESTS
		       " (package libonnx-testdata)\n");
		return 0;
	}
	n = found.gl_pathc;
	tests = calloc(n + 1, sizeof(*tests));
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = strrchr(found.gl_pathv[i], '/') + 1,
			.test_func = node_test_passes_or_is_refused,
			.initial_state = found.gl_pathv[i] };
	tests[n] = (struct CMUnitTest)cmocka_unit_test(supported_operators_are_among_them);
	failed = _cmocka_run_group_tests("onnx_nodes", tests, n + 1, NULL, NULL);
	free(tests);
	globfree(&found);
	return failed;
}
