// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/output.h"
#include "tests/cmocka.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

// A block that the stream does not keep fails before anybody asks, and its errno is gone then.
static void failed_block_says_why(void **state)
{
	static const char block[1 << 20];
	struct output output;
	struct error err;

	assert_int_equal(output_open(&output, path, &err), 0);
	assert_non_null(freopen("/dev/full", "w", output.file));
	assert_int_not_equal(fwrite(block, 1, sizeof(block), output.file), sizeof(block));
	errno = 0;
	assert_int_equal(output_commit(&output, &err), -ENOSPC);
	expect("old");
}

static void check_refuses_what_would_be_lost(void **state)
{
	struct output_other others[] = { { "the model", NULL }, { "the rows", path } };
	char other[160], again[160], expected[512];
	struct error err;

	snprintf(again, sizeof(again), "%s/./out.csv", folder);
	assert_int_equal(output_check(again, others, 2, &err), -EEXIST);
	snprintf(expected, sizeof(expected),
		"%s: is to be written, and is the rows, too, which would be lost: name another "
		"file",
		again);
	assert_string_equal(err.text, expected);
	// Two that are not there yet.
	snprintf(other, sizeof(other), "%s/both.mlt", folder);
	snprintf(again, sizeof(again), "%s/./both.mlt", folder);
	others[1].path = again;
	assert_int_equal(output_check(other, others, 2, &err), -EEXIST);
	snprintf(other, sizeof(other), "%s/one.mlt", folder);
	assert_int_equal(output_check(other, others, 2, &err), 0);
	assert_int_equal(output_check(NULL, others, 2, &err), 0);
	assert_int_equal(output_check("/nowhere/at/all.csv", others, 2, &err), -ENOENT);
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

static void a_signal_leaves_the_old(void **state)
{
	const pid_t child = fork();
	struct output output;
	struct error err;
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (output_open(&output, path, &err) == 0)
			raise(SIGTERM);
		for (;;)
			pause();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	expect("old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abort_leaves_the_old),
		cmocka_unit_test(failed_write_leaves_the_old),
		cmocka_unit_test(failed_block_says_why),
		cmocka_unit_test(check_refuses_what_would_be_lost),
		cmocka_unit_test(a_signal_leaves_the_old),
		cmocka_unit_test(commit_replaces),
		cmocka_unit_test(open_refuses_what_is_no_file),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
