// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/text.h"
#include "tests/cmocka.h"

#include <string.h>

static void lengths_of_characters(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{ "a", 1 },
		{ " ", 1 },
		{ "", 0 },
		{ "\t", 0 },
		{ "\x7f", 0 },
		{ "\xc2\x9f", 0 },
		{ "\xc2\xa0", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\x9f\xbf", 0 }, // could be shorter
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 }, // a surrogate
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 }, // beyond U+10FFFF
		{ "\xe2\x82", 0 },
		{ "\xf0\x90\x80", 0 },
		{ "\x80", 0 },
		{ "\xff", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (text_character(cases[i].text) != cases[i].length)
			fail_msg("case %zu: %zu", i, text_character(cases[i].text));
	}
}

static void cuts_fall_between_characters(void **state)
{
	static const char text[] = "ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6z"; // a b é € bird z
	static const int cuts[] = { 0, 1, 2, 2, 4, 4, 4, 7, 7, 7, 7, 11, 12, 12, 12 };

	for (size_t max = 0; max < sizeof(cuts) / sizeof(*cuts); max++)
		assert_int_equal(text_cut(text, max), cuts[max]);
	// No character to keep whole: cut where it is said.
	assert_int_equal(text_cut("\x80\x80\x80\x80\x80\x80", 4), 4);
	assert_int_equal(text_cut("a\xc3\xa9\xa9\xa9", 3), 3);
	assert_int_equal(text_cut("\xa9\xa9", 1), 1);
}

static void what_is_cleaned_stays(void **state)
{
	char text[] = "x\xc3\xa9\xc3\n\xe2\x82\xac\xe2\x82";

	text_clean(text);
	assert_string_equal(text, "x\xc3\xa9??\xe2\x82\xac??");
	text_clean(text);
	assert_string_equal(text, "x\xc3\xa9??\xe2\x82\xac??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_characters),
		cmocka_unit_test(cuts_fall_between_characters),
		cmocka_unit_test(what_is_cleaned_stays),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
