// SPDX-License-Identifier: BSD-3-Clause
#include "base/csv.h"
#include "tests/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct csv csv;
static struct error err;
static FILE *file;

static void start(const char *text, size_t size)
{
	csv_fini(&csv);
	if (file)
		fclose(file);
	file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	rewind(file);
	csv_init(&csv, file, "t.csv", &err);
}

// Records as "cell|cell", each with its line, one after the other: "1:a|b 2:c|d".
static const char *read_all(const char *text)
{
	static char all[512];
	size_t used = 0;
	int rc;

	all[0] = '\0';
	start(text, strlen(text));
	while ((rc = csv_next(&csv)) > 0) {
		used += (size_t)snprintf(
			all + used, sizeof(all) - used, "%s%zu:", used ? " " : "", csv.line_number);
		for (size_t c = 0; c < csv.n_cells; c++)
			used += (size_t)snprintf(
				all + used, sizeof(all) - used, "%s%s", c ? "|" : "", csv.cells[c]);
	}
	return rc < 0 ? err.text : all;
}

static void lines_end_in_any_way(void **state)
{
	assert_string_equal(read_all("a,b\n1,2\n"), "1:a|b 2:1|2");
	assert_string_equal(read_all("a,b\r\n1,2"), "1:a|b 2:1|2");
	assert_string_equal(read_all("a,b\r1,2\r"), "1:a|b 2:1|2");
	assert_string_equal(read_all("\n\na,b\n\n\n1,2\n\n"), "3:a|b 6:1|2");
	assert_string_equal(read_all(""), "");
	assert_string_equal(read_all("\n\n"), "");
}

static void quotes_hold_anything(void **state)
{
	assert_string_equal(read_all("\"a,b\",\"c\"\"d\"\n1,2\n"), "1:a,b|c\"d 2:1|2");
	assert_string_equal(read_all("a,b\n\"x\r\ny\",2\n3,4\n"), "1:a|b 2:x\ny|2 4:3|4");
	assert_string_equal(read_all("\xef\xbb\xbf\"a\",b\n1,2\n"), "1:a|b 2:1|2");
	assert_string_equal(read_all("a , \"b\" ,5\" pipe\n1,2,3\n"), "1:a|b|5\" pipe 2:1|2|3");
	assert_string_equal(read_all("\"\",\"a\"\n\"1\",2\n"), "1:|a 2:1|2");
	assert_string_equal(
		read_all("a,b\n1,\"2\n3,4\n"), "t.csv:2: column 2 has a quote that does not close");
	assert_string_equal(
		read_all("a,b\n\"1\"x,2\n"), "t.csv:2: column 1 has a quote that does not close");
}

static void separators_are_told_apart(void **state)
{
	assert_string_equal(read_all("a;b\n1;2\n"), "1:a|b 2:1|2");
	assert_string_equal(read_all("a\tb c\t\n1\t2\t3\n"), "1:a|b c| 2:1|2|3");
	assert_string_equal(read_all("1,\t2,\t3\n4,\t5,\t6\n"), "1:1|2|3 2:4|5|6");
	assert_string_equal(read_all("1,5;2,5\n3;4\n"), "1:1,5|2,5 2:3|4");
	assert_string_equal(read_all("size (a,b);n\n1;2\n"), "1:size (a,b)|n 2:1|2");
	assert_string_equal(read_all("a;b,c\n1,2\n"), "1:a;b|c 2:1|2");
	assert_string_equal(read_all("\"a;b;c\",d\n1,2\n"), "1:a;b;c|d 2:1|2");
	assert_string_equal(read_all("a\n1\n"), "1:a 2:1");
	assert_string_equal(read_all("a;b"), "1:a|b");
}

static void hostile_bytes_are_refused(void **state)
{
	char *line = malloc(CSV_RECORD_MAX + 2);

	start("a,b\n1\0,2\n", 9);
	assert_int_equal(csv_next(&csv), -EINVAL);
	assert_string_equal(err.text, "t.csv:2: a NUL byte; this is not text");
	assert_non_null(line);
	memset(line, '1', CSV_RECORD_MAX + 1);
	start(line, CSV_RECORD_MAX + 1);
	assert_int_equal(csv_next(&csv), -EINVAL);
	assert_string_equal(
		err.text, "t.csv:1: a line longer than 4 MiB, or a quote that does not close");
	memset(line, ',', CSV_CELLS_MAX);
	start(line, CSV_CELLS_MAX);
	assert_int_equal(csv_next(&csv), -EINVAL);
	assert_string_equal(err.text, "t.csv:1: more than 66560 columns");
	free(line);
}

static void lists_of_names(void **state)
{
	char list[] = "a, \"b,c\",3", open[] = "a,\"b", *cells[3];

	assert_int_equal(csv_split_list(list, cells, 3), 3);
	assert_string_equal(cells[0], "a");
	assert_string_equal(cells[1], "b,c");
	assert_string_equal(cells[2], "3");
	assert_int_equal(csv_split_list(open, cells, 3), -EINVAL);
	assert_int_equal(csv_split_list((char[]){ "a,b,c,d" }, cells, 3), -EINVAL);
}

static int tear_down(void **state)
{
	csv_fini(&csv);
	return file ? fclose(file) : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_in_any_way),
		cmocka_unit_test(quotes_hold_anything),
		cmocka_unit_test(separators_are_told_apart),
		cmocka_unit_test(hostile_bytes_are_refused),
		cmocka_unit_test(lists_of_names),
	};
	return cmocka_run_group_tests_name("csv", tests, NULL, tear_down);
}
