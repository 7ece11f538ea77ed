// SPDX-License-Identifier: BSD-3-Clause
// The lines of a log's files, as martletctl audit list and export read them: in their order, each once, whatever stands
// between them.
#include "ctl/tool/audit_lines.h"

#include "ctl/tool/tool.h"
#include "tests/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/martlet-lines-XXXXXX";
static struct error err;

static int set_up(void **state)
{
	tool.quiet = true;
	strcpy(folder, "/tmp/martlet-lines-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void write_bytes(const char *name, const char *bytes, size_t size)
{
	char path[128];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	to = fopen(path, "w");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, size, to), size);
	fclose(to);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

// What was given on: "1 2 (piece) 3".
static char got[8192];
static long last; // after which no more is wanted; 0: all are

static int take_line(
	void *arg, const char *text, size_t bytes, const json_t *line, struct error *ignored)
{
	const long seq = line ? (long)json_integer_value(json_object_get(line, "seq")) : 0;
	char *end = got + strlen(got);
	const size_t room = (size_t)(got + sizeof(got) - end);

	assert_ptr_equal(arg, &last);
	if (line)
		snprintf(end, room, "%s%ld", got[0] ? " " : "", seq);
	else if (bytes < 100)
		snprintf(end, room, "%s(%.*s)", got[0] ? " " : "", (int)bytes, text);
	else
		snprintf(end, room, "%s(%zu)", got[0] ? " " : "", bytes);
	return line && seq == last;
}

static const char *read_behind(const char *name, uint64_t after)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	got[0] = err.text[0] = '\0';
	if (audit_lines_each(path, after, take_line, &last, &err) != 0)
		snprintf(got, sizeof(got), "%.500s", err.text);
	return got;
}

#define L(seq) "{\"seq\":" #seq ",\"kind\":\"own\"}\n"

static void lines_of_a_file_come_in_their_order_and_once(void **state)
{
	last = 0;
	write_text("log", L(1) L(2) L(3) L(4));
	assert_string_equal(read_behind("log", 0), "1 2 3 4");
	assert_string_equal(read_behind("log", 2), "3 4");
	assert_string_equal(read_behind("log", 4), "");
	assert_string_equal(read_behind("log", UINT64_MAX), "");
	// One that is there twice, or comes too late, is given on once.
	write_text("log", L(1) L(2) L(2) L(4) L(3) L(5));
	assert_string_equal(read_behind("log", 0), "1 2 4 5");
	// The last newline may be missing, and no line need be there.
	write_bytes("log", L(1) L(2), sizeof(L(1) L(2)) - 2);
	assert_string_equal(read_behind("log", 0), "1 2");
	write_text("log", "");
	assert_string_equal(read_behind("log", 0), "");
}

static void no_more_is_read_than_is_wanted(void **state)
{
	last = 2;
	write_text("log", L(1) L(2) L(3) "{broken\n");
	assert_string_equal(read_behind("log", 0), "1 2");
	last = 0;
}

static void piece_that_is_no_line_is_given_on_between_lines(void **state)
{
	char *text = malloc(400000);
	size_t n;

	last = 0;
	write_text("log", L(1) "{\"seq\":2,\"ki\n" L(2) "\n" L(3) "[7]\n" L(4) "{\"seq\":\"5\"}\n");
	assert_string_equal(
		read_behind("log", 0), "1 ({\"seq\":2,\"ki) 2 () 3 ([7]) 4 ({\"seq\":\"5\"})");
	// Not one that stands before all that is wanted.
	assert_string_equal(read_behind("log", 2), "3 ([7]) 4 ({\"seq\":\"5\"})");
	assert_string_equal(read_behind("log", 4), "");
	// Zeros are what a file was made longer by, as many as were to be written together; what is longer is nothing of ours.
	n = (size_t)sprintf(text, "%s", L(1));
	memset(text + n, 0, 70000);
	n += 70000;
	n += (size_t)sprintf(text + n, "\n%s", L(2));
	write_bytes("log", text, n);
	assert_string_equal(read_behind("log", 0), "1 (70000) 2");
	n = (size_t)sprintf(text, "%s", L(1));
	memset(text + n, 'x', 200000);
	n += 200000;
	n += (size_t)sprintf(text + n, "\n%s", L(2));
	write_bytes("log", text, n);
	assert_string_equal(read_behind("log", 0), "1 2");
	write_bytes("log", text, n - sizeof(L(2)));
	assert_string_equal(read_behind("log", 0), "1");
	free(text);
}

static void folder_is_read_file_by_file(void **state)
{
	last = 0;
	write_text("000000000001.jsonl", L(1) L(2));
	write_text("000000000003.jsonl", L(3) L(4) "{\"seq\":5,\"torn");
	write_text("000000000005.jsonl", L(5) L(6));
	write_text("head", "{\"seq\":6}\n");
	write_text("1.jsonl", L(99)); // no name of a log's file
	assert_string_equal(read_behind("", 0), "1 2 3 4 ({\"seq\":5,\"torn) 5 6");
	assert_string_equal(read_behind("", 1), "2 3 4 ({\"seq\":5,\"torn) 5 6");
	assert_string_equal(read_behind("", 3), "4 ({\"seq\":5,\"torn) 5 6");
	// A file of which nothing is wanted is not read.
	write_text("000000000001.jsonl", "{broken\n");
	assert_string_equal(read_behind("", 2), "3 4 ({\"seq\":5,\"torn) 5 6");
	assert_string_equal(read_behind("", 6), "");
	// Nor does a line go on in another file.
	write_text("000000000001.jsonl", L(1) "{\"seq\":2,");
	write_text("000000000003.jsonl", "\"kind\":\"own\"}\n" L(3));
	assert_string_equal(read_behind("", 0), "1 ({\"seq\":2,) (\"kind\":\"own\"}) 3 5 6");
}

static void what_is_not_there_is_said(void **state)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "%s/nothing: cannot be opened: No such file or directory",
		folder);
	assert_string_equal(read_behind("nothing", 0), wanted);
	snprintf(wanted, sizeof(wanted), "%s/: has no files of an audit log in it", folder);
	assert_string_equal(read_behind("", 0), wanted);
}

static int refuse_line(
	void *arg, const char *text, size_t bytes, const json_t *line, struct error *why)
{
	return error_set(why, -ENOSPC, "there is no room for it");
}

static void what_the_taker_says_ends_it(void **state)
{
	char path[128];

	write_text("log", L(1) L(2));
	snprintf(path, sizeof(path), "%s/log", folder);
	assert_int_equal(audit_lines_each(path, 0, refuse_line, NULL, &err), -ENOSPC);
	assert_string_equal(err.text, "there is no room for it");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(lines_of_a_file_come_in_their_order_and_once),
		TEST(no_more_is_read_than_is_wanted),
		TEST(piece_that_is_no_line_is_given_on_between_lines),
		TEST(folder_is_read_file_by_file),
		TEST(what_is_not_there_is_said),
		TEST(what_the_taker_says_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
