// SPDX-License-Identifier: BSD-3-Clause
// sklearn's models of tests/fixtures/parity against sklearn's own float64 outputs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rows.h"
#include "tests/parity/parity.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-5

static void read_beside(const char *onnx, const char *ending, struct rows *rows, uint32_t n_columns)
{
	const struct rows_options options = { .n_columns = n_columns };
	struct error err = { "" };
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
	struct error err = { "" };
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

int main(void)
{
	struct CMUnitTest *tests;
	glob_t found;
	int failed;

	if (glob("tests/fixtures/parity/*.onnx", 0, NULL, &found) != 0)
		return 1; // they are committed
	tests = calloc(found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = found.gl_pathv[i],
			.test_func = model_matches_sklearn,
			.initial_state = found.gl_pathv[i] };
	failed = _cmocka_run_group_tests("parity", tests, found.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&found);
	return failed;
}
