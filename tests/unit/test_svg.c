// SPDX-License-Identifier: BSD-3-Clause
// Drawings: what texts become in XML, lines that are parted and thinned, and the axes' ticks.
#include "base/svg.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static FILE *draw(void)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	return file;
}

// Is `part` in what was drawn, all of it less than `bytes`? Closes the file.
static void assert_drawn(FILE *file, const char *part, bool there, size_t bytes)
{
	char *drawn = calloc(bytes, 1);
	size_t n;

	assert_non_null(drawn);
	rewind(file);
	n = fread(drawn, 1, bytes, file);
	fclose(file);
	assert_true(n < bytes);
	if ((strstr(drawn, part) != NULL) != there)
		fail_msg("%s: %s", part, drawn);
	free(drawn);
}

static void assert_text(const char *text, size_t max, const char *expected)
{
	FILE *file = draw();

	svg_text(file, 1, 2, SVG_END, 11, SVG_INK, text, max);
	assert_drawn(file, expected, true, 1 << 10);
}

static void text_of_any_bytes_is_xml(void **state)
{
	assert_text("a<b>&\"c\"", 0, ">a&lt;b&gt;&amp;&quot;c&quot;</text>");
	assert_text("\x01\x1b[31m\x7f", 0,
		">?"
		"?[31m?</"
		"text>");
	assert_text("caf\xc3\xa9 \xff\xed\xa0\x80", 0,
		">caf\xc3\xa9 ????"
		"</text>");
	assert_text("\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", 0,
		">?"
		"?\xef\xbf\xbd</text>");
	assert_text("", 0, "></text>");
}

static void text_too_long_is_cut(void **state)
{
	assert_text("abcdef", 4, ">abc…</text>");
	assert_text("abcd", 4, ">abcd</text>");
	assert_text("\xc3\xa9\xc3\xa9\xc3\xa9", 2, ">\xc3\xa9…</text>");
}

static struct svg_plot plot_of(FILE *file, double low, double high, bool logarithmic)
{
	return (struct svg_plot){ .file = file,
		.x = 0,
		.y = 0,
		.width = 100,
		.height = 100,
		.title = "t",
		.across = { "across", low, high, logarithmic },
		.up = { "up", 0, 1, false } };
}

static void assert_ticks(double low, double high, bool logarithmic, const char *tick, bool there)
{
	FILE *file = draw();
	const struct svg_plot plot = plot_of(file, low, high, logarithmic);
	char part[80];

	snprintf(
		part, sizeof(part), "\"middle\" font-size=\"11\" fill=\"" SVG_FAINT "\">%s<", tick);
	svg_plot_begin(&plot);
	assert_drawn(file, part, there, 1 << 16);
}

static void ticks_are_round_numbers_on_the_axis(void **state)
{
	assert_ticks(0, 1, false, "0.2", true);
	assert_ticks(0, 1, false, "1", true);
	assert_ticks(0, 1, false, "1.2", false);
	assert_ticks(-5, 5, false, "-4", true);
	assert_ticks(-5, 5, false, "0", true);
	assert_ticks(0.1, 100, true, "0.1", true);
	assert_ticks(0.1, 100, true, "100", true);
	assert_ticks(20, 60, true, "50", true);
	assert_ticks(20, 60, true, "100", false);
}

static void line_parts_where_a_point_is_not_finite(void **state)
{
	const struct svg_point points[] = { { 0, 0 }, { 0.5, 0.5 }, { NAN, 0 }, { 0.5, 9 },
		{ 1, -INFINITY }, { 0.5, 0.5 } };
	FILE *file = draw();
	const struct svg_plot plot = plot_of(file, 0, 1, false);

	svg_plot_line(&plot, points, 6, 0);
	assert_drawn(file,
		"points=\"0.00,100.00 50.00,50.00\"/>\n<polyline fill=\"none\" stroke=\"#0072b2\" "
		"stroke-width=\"1.8\" points=\"50.00,0.00\"/>\n<polyline",
		true, 1 << 10);
}

static void line_of_many_points_keeps_what_is_seen(void **state)
{
	struct svg_point points[10001];
	FILE *file = draw();
	struct svg_plot plot = plot_of(file, 0, 1, false);

	for (int i = 0; i <= 10000; i++)
		points[i] = (struct svg_point){ i / 10000.0, i / 10000.0 };
	svg_plot_line(&plot, points, 10001, SVG_COLOURS);
	assert_drawn(file, "stroke-dasharray=\"5 3\" points=\"0.00,100.00 ", true, 10000);
	file = plot.file = draw();
	svg_plot_line(&plot, points, 10001, 0);
	assert_drawn(file, " 100.00,0.00\"/>", true, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_any_bytes_is_xml),
		cmocka_unit_test(text_too_long_is_cut),
		cmocka_unit_test(ticks_are_round_numbers_on_the_axis),
		cmocka_unit_test(line_parts_where_a_point_is_not_finite),
		cmocka_unit_test(line_of_many_points_keeps_what_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
