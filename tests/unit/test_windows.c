// SPDX-License-Identifier: BSD-3-Clause
// Windows of steps: which steps follow one another, what a window bears, and what is refused where.
#include "infer/learn/data/windows.h"

#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

static struct windows_figures figures;
static struct error err;
static char *written;

// What becomes of a text; the caller's until the next call.
static int make(const char *text, const struct windows_options *options)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	size_t size;
	FILE *out;
	int rc;

	free(written);
	written = NULL;
	out = open_memstream(&written, &size);
	assert_true(in && out);
	rc = windows_make("steps.csv", in, options, out, &figures, &err);
	fclose(in);
	fclose(out);
	return rc;
}

static void made(const char *text, struct windows_options options, const char *wanted)
{
	options.stride = options.stride ? options.stride : 1;
	if (make(text, &options) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(written, wanted);
}

static void refused(
	const char *text, struct windows_options options, int code, const char *sentence)
{
	options.stride = options.stride ? options.stride : 1;
	assert_int_equal(make(text, &options), code);
	assert_string_equal(err.text, sentence);
}

static int tear_down(void **state)
{
	free(written);
	written = NULL;
	return 0;
}

static void all_rows_follow_one_another(void **state)
{
	made("a,b\n1,2\n3,4\n5,6\n", (struct windows_options){ .steps = 2 },
		"a[t-1],b[t-1],a[t],b[t]\n1,2,3,4\n3,4,5,6\n");
	assert_int_equal(figures.n_steps, 3);
	assert_int_equal(figures.n_windows, 2);
	assert_int_equal(figures.n_columns, 2);
	assert_int_equal(figures.n_sessions, 1);
	made("1,2\n3,4\n5,6\n", (struct windows_options){ .steps = 3, .no_header = true },
		"1,2,3,4,5,6\n");
	made("a\n1\n2\n", (struct windows_options){ .steps = 1 }, "a[t]\n1\n2\n");
}

static void sessions_are_kept_apart(void **state)
{
	made("ue,a,Label\nx,1,n\ny,10,n\nx,2,m\ny,20,\"k,l\"\nz,0,n\nx,3,n\n",
		(struct windows_options){ .steps = 2, .session = "ue" },
		"a[t-1],a[t],Label\n1,2,m\n10,20,\"k,l\"\n2,3,n\n");
	assert_int_equal(figures.n_sessions, 3);
	assert_int_equal(figures.n_short, 1);
}

static void strides_count_from_the_first_window(void **state)
{
	made("a\n1\n2\n3\n4\n5\n6\n7\n", (struct windows_options){ .steps = 2, .stride = 3 },
		"a[t-1],a[t]\n1,2\n4,5\n");
}

static void columns_are_named_or_numbered(void **state)
{
	made("\"t,1\",when,a,kind\n1,today,,k\n2,today,NaN,l\n",
		(struct windows_options){ .steps = 2, .label = "4", .drop = "when" },
		"\"t,1[t-1]\",a[t-1],\"t,1[t]\",a[t],kind\n1,,2,NaN,l\n");
}

static void steps_that_are_no_numbers_are_refused(void **state)
{
	const struct windows_options two = { .steps = 2 };

	refused("a,when\n1,today\n", two, -EINVAL,
		"steps.csv:2: column 2 has \"today\", steps are numbers: --drop leaves columns "
		"out, "
		"--session and --label take texts");
	refused("a,b\n1,2\n1\n", two, -EINVAL, "steps.csv:3: 1 cells, the first line has 2");
	refused("a\n1\n", two, -EINVAL,
		"steps.csv: no session has the 2 steps of a window (1 steps in 1 sessions)");
	refused("", two, -EINVAL, "steps.csv: has no lines");
	refused("label\nx\n", two, -EINVAL, "steps.csv: no column is left for the steps");
	refused("a\n1\n2\n", (struct windows_options){ .steps = 2, .session = "ue" }, -EINVAL,
		"steps.csv: --session names the column \"ue\", which is neither a name in the "
		"first "
		"line nor a number from 1 to 1");
	refused("a,b\n1,2\n", (struct windows_options){ .steps = 16384 }, -EINVAL,
		"steps.csv: 2 columns in windows of 16384 steps are 32768 features, a model has at "
		"most 16384");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rows_follow_one_another),
		cmocka_unit_test(sessions_are_kept_apart),
		cmocka_unit_test(strides_count_from_the_first_window),
		cmocka_unit_test(columns_are_named_or_numbered),
		cmocka_unit_test(steps_that_are_no_numbers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
