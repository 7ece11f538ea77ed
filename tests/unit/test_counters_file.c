// SPDX-License-Identifier: BSD-3-Clause
// counters_file: written as a whole or not at all, whatever the disk does; read at the next start where it can be trusted.
#include "ctl/server/store/counters_file.h"

#include "base/clock.h"
#include "tests/cmocka.h"
#include "tests/unit/store_faulty.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

static struct counters_file *file;

static void open_file(struct store_case *c)
{
	assert_int_equal(counters_file_open(c->store, &file, &c->err), 0);
}

static void reopen_file(struct store_case *c)
{
	counters_file_close(file);
	open_file(c);
}

static void write_text(struct store_case *c, const char *text)
{
	counters_file_write(file, strdup(text), strlen(text), 0);
	while (counters_file_is_writing(file))
		event_base_loop(c->base, EVLOOP_ONCE);
}

static void found_is(const char *text)
{
	size_t size;
	const char *found = counters_file_found(file, &size);

	if (!text) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, text);
	assert_int_equal(size, strlen(text));
}

static void path_of(const struct store_case *c, const char *name, char path[256])
{
	snprintf(path, 256, "%s/wire/%s", c->path, name);
}

static void what_was_written_is_found(void **state)
{
	struct store_case *c = *state;
	struct stat st;
	char path[256];

	open_file(c);
	path_of(c, "counters", path);
	assert_string_equal(counters_file_path(file), path);
	found_is(NULL);
	assert_true(counters_file_is_due(file, 0));
	counters_file_write(file, strdup("first\n"), 6, 0);
	counters_file_settle(file);
	assert_false(counters_file_is_writing(file) || counters_file_is_failing(file));
	reopen_file(c);
	found_is("first\n");
	write_text(c, "the second, which is longer\n");
	found_is(NULL); // it is that of the start
	reopen_file(c);
	found_is("the second, which is longer\n");
	write_text(c, "3\n");
	reopen_file(c);
	found_is("3\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	path_of(c, "counters.new", path);
	assert_int_equal(access(path, F_OK), -1);
	counters_file_close(file);
}

// Each call of a text failing, in each way, early and late: the text of before is there or this one, and the next text is
// written.
static void failing_disk_leaves_one_or_the_other(void **state)
{
	struct store_case *c = *state;

	open_file(c);
	for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
		for (unsigned at = 1; at <= 6; at++) {
			struct faulty faulty;
			const char *found;
			bool failed;
			size_t size;

			write_text(c, "of before\n");
			faulty_begin(&faulty, c, fault, at);
			write_text(c, "the text\n");
			faulty_end(&faulty, c);
			failed = counters_file_is_failing(file);
			// A call that was only interrupted, or wrote a part, is made again.
			assert_int_equal(failed,
				(fault == FAULT_EIO || fault == FAULT_ENOSPC) ? at <= 5
					: fault == FAULT_NOTHING_WRITTEN      ? at == 2
									      : false);
			reopen_file(c);
			found = counters_file_found(file, &size);
			assert_non_null(found);
			if (!failed || at == 5) // after the rename
				assert_string_equal(found, "the text\n");
			else
				assert_string_equal(found, "of before\n");
			write_text(c, "again\n");
			assert_false(counters_file_is_failing(file));
		}
	counters_file_close(file);
}

// What a crash left is written over.
static void rest_of_a_crash_is_written_over(void **state)
{
	struct store_case *c = *state;
	char path[256];
	FILE *rest;

	open_file(c);
	path_of(c, "counters.new", path);
	rest = fopen(path, "w");
	fputs("half of a text that was longer than the next one", rest);
	fclose(rest);
	write_text(c, "whole\n");
	reopen_file(c);
	found_is("whole\n");
	counters_file_close(file);
}

// One that others could have written, a link, a folder, one that is too long: none of them is believed, and the next text
// takes its place where it can.
static void what_cannot_be_trusted_counts_as_none(void **state)
{
	struct store_case *c = *state;
	char path[256], other[256];

	open_file(c);
	path_of(c, "counters", path);
	path_of(c, "other", other);
	write_text(c, "text\n");
	assert_int_equal(chmod(path, 0666), 0);
	reopen_file(c);
	found_is(NULL);
	write_text(c, "text\n");
	reopen_file(c);
	found_is("text\n");

	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink("other", path), 0);
	reopen_file(c);
	found_is(NULL);
	write_text(c, "in the link's place\n");
	reopen_file(c);
	found_is("in the link's place\n");

	assert_int_equal(truncate(path, (1 << 20) + 1), 0);
	reopen_file(c);
	found_is(NULL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); // is not waited for
	reopen_file(c);
	found_is(NULL);
	write_text(c, "in the pipe's place\n");
	reopen_file(c);
	found_is("in the pipe's place\n");

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	reopen_file(c);
	found_is(NULL);
	write_text(c, "text\n");
	assert_true(counters_file_is_failing(file));
	assert_int_equal(rmdir(path), 0);
	write_text(c, "text\n");
	assert_false(counters_file_is_failing(file));
	counters_file_close(file);
}

static void linked_folder_is_refused(void **state)
{
	struct store_case *c = *state;
	char path[256], expected[512];
	struct error err;

	snprintf(path, sizeof(path), "%s/wire", c->path);
	assert_int_equal(symlink("models", path), 0);
	assert_int_equal(counters_file_open(c->store, &file, &err), -ELOOP);
	snprintf(expected, sizeof(expected),
		"store: %s cannot be opened: it is a symbolic link; the store's folders may be "
		"none",
		path);
	assert_string_equal(err.text, expected);
}

// Asked every 100 ms, each time a little earlier or later: each second all the same, and not each tenth. Where the control
// thread waits for the disk, a tenth as often.
static void it_is_due_each_second(void **state)
{
	static const uint64_t TICK = CLOCK_SECOND_NS / 10, EARLY = CLOCK_SECOND_NS / 1000;
	struct store_case *c = *state;
	const uint64_t ticks = c->store->has_ring ? 10 : 100;
	uint64_t now = 1000 * CLOCK_SECOND_NS;

	open_file(c);
	for (int i = 0; i < 5; i++) {
		assert_true(counters_file_is_due(file, now));
		counters_file_write(file, strdup("text\n"), 5, now);
		counters_file_settle(file);
		for (uint64_t n = 1; n < ticks - 1; n++)
			assert_false(counters_file_is_due(file, now + n * TICK));
		now += ticks * TICK - EARLY;
	}
	counters_file_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_CASE_BOTH(it_is_due_each_second),
		STORE_CASE_BOTH(what_was_written_is_found),
		STORE_CASE_BOTH(failing_disk_leaves_one_or_the_other),
		STORE_CASE_BOTH(rest_of_a_crash_is_written_over),
		STORE_CASE_BOTH(what_cannot_be_trusted_counts_as_none),
		STORE_CASE_BOTH(linked_folder_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
