// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/output.h"
#include "tests/cmocka.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/martlet-output-XXXXXX";
static char path[128];

static int enter(void **state)
{
	FILE *file;

	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/out.csv", folder);
	file = fopen(path, "w");
	fputs("old", file);
	return fclose(file);
}

static int leave(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static void expect(const char *content)
{
	char text[16] = "";
	FILE *file = fopen(path, "r");
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int n = 0;

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, content);
	fclose(file);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(n, 1); // nothing temporary is left
}

static void abort_leaves_the_old(void **state)
{
	struct output output;
	struct error err;

	assert_int_equal(output_open(&output, path, &err), 0);
	fputs("half", output.file);
	output_abort(&output);
	output_abort(&output);
	expect("old");
}

static void failed_write_leaves_the_old(void **state)
{
	struct output output;
	struct error err;

	assert_int_equal(output_open(&output, path, &err), 0);
	// /dev/full stands for a full disk.
	assert_non_null(freopen("/dev/full", "w", output.file));
	fputs("half", output.file);
	assert_int_equal(output_commit(&output, &err), -ENOSPC);
	assert_non_null(strstr(err.text, path));
	expect("old");
}

static void commit_replaces(void **state)
{
	struct output output;
	struct error err;

	assert_int_equal(output_open(&output, path, &err), 0);
	assert_string_equal(output.temporary + strlen(output.temporary) - 4, ".csv");
	fputs("new", output.file);
	assert_int_equal(output_finish(&output, &err), 0);
	assert_int_equal(output_commit(&output, &err), 0);
	output_abort(&output);
	expect("new");
}

static void open_refuses_what_is_no_file(void **state)
{
	struct output output;
	struct error err;

	assert_int_equal(output_open(&output, folder, &err), -EINVAL);
	assert_int_equal(output_open(&output, "/dev/null", &err), -EINVAL);
	assert_int_equal(output_open(&output, "/nowhere/at/all.csv", &err), -ENOENT);
	output_abort(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abort_leaves_the_old),
		cmocka_unit_test(failed_write_leaves_the_old),
		cmocka_unit_test(commit_replaces),
		cmocka_unit_test(open_refuses_what_is_no_file),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
