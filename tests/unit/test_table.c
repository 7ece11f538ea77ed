// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/table.h"

#include "ctl/tool/tool.h"
#include "tests/cmocka.h"

#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *printed(struct table *table, int indent)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	table_print(table, to, indent);
	fclose(to);
	return text;
}

static void columns_align_left_and_right(void **state)
{
	struct table table;
	char *text;

	TABLE_INIT(&table, "NAME", ">N");
	table_add(&table, "a");
	table_add(&table, "%d", 1000);
	table_add(&table, "longer");
	table_add(&table, "%d", 7);
	text = printed(&table, 2);
	assert_string_equal(text, "  NAME       N\n  a       1000\n  longer     7\n");
	free(text);
}

static void width_counts_characters_not_bytes(void **state)
{
	struct table table;
	char *text;

	assert_int_equal(table_width("12.3 µs"), 7);
	TABLE_INIT(&table, ">T", "X");
	table_add(&table, "1 µs");
	table_add(&table, "x");
	table_add(&table, "1 min");
	table_add(&table, "y");
	text = printed(&table, 0);
	assert_string_equal(text, "    T  X\n 1 µs  x\n1 min  y\n");
	free(text);
}

static void lines_fit_the_terminal(void **state)
{
	static const char RIGHT[] = "A     B\r\nµµµµ  fits\r\nµµµµ  µ is …\r\n";
	const struct winsize size = { .ws_col = 12, .ws_row = 5 };
	struct table table;
	char got[128] = "";
	int master, slave;
	FILE *to;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	to = fdopen(slave, "w");
	assert_non_null(to);
	TABLE_INIT(&table, "A", "B");
	table_add(&table, "µµµµ");
	table_add(&table, "fits");
	table_add(&table, "µµµµ");
	table_add(&table, "µ is cut");
	table_print(&table, to, 0);
	fflush(to);
	for (size_t n = 0; n < sizeof(RIGHT) - 1; n = strlen(got))
		assert_true(read(master, got + n, sizeof(got) - 1 - n) > 0);
	assert_string_equal(got, RIGHT);
	fclose(to);
	close(master);
}

static void control_characters_are_masked(void **state)
{
	struct table table;
	char *text;

	TABLE_INIT(&table, "A");
	table_add(&table, "\x1b[31mred\n");
	text = printed(&table, 0);
	assert_string_equal(text, "A\n?[31mred?\n");
	free(text);
}

static void many_rows_grow(void **state)
{
	struct table table;
	size_t lines = 0;
	char *text;

	TABLE_INIT(&table, "A", "B");
	for (int i = 0; i < 500; i++) {
		table_add(&table, "%d", i);
		table_add(&table, "%s", "");
	}
	text = printed(&table, 0);
	for (char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 501);
	free(text);
}

static void incomplete_table_is_refused_whole(void **state)
{
	struct table table;
	char *text;

	TABLE_INIT(&table, "A");
	table_add(&table, "b");
	table.failed = true; // as after a failed malloc()
	tool.refused = false;
	text = printed(&table, 0);
	assert_string_equal(text, "");
	assert_true(tool.refused);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_align_left_and_right),
		cmocka_unit_test(width_counts_characters_not_bytes),
		cmocka_unit_test(lines_fit_the_terminal),
		cmocka_unit_test(control_characters_are_masked),
		cmocka_unit_test(many_rows_grow),
		cmocka_unit_test(incomplete_table_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
