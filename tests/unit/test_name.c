// SPDX-License-Identifier: BSD-3-Clause
// name: which texts are names, and what becomes of those that are not.
#include "base/name.h"
#include "tests/cmocka.h"

#include <string.h>

#define LETTERS_63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"

static void valid_names_are_told_from_others(void **state)
{
	static const char *const good[] = { "a", "7", "lab", "3.x_y-Z", "A.", LETTERS_63 };
	static const char *const bad[] = { "", ".", "..", "_a", "-a", "a b", "a/b", "a\n",
		"\xc3\xa9t\xc3\xa9", "a\xff" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(name_is_valid(bad[i]));
	assert_false(name_is_valid(LETTERS_63 "4")); // one too long
	assert_false(name_is_valid(NULL));
}

static void each_ascii_character_is_judged(void **state)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	for (int c = 1; c < 256; c++)
		assert_int_equal(name_allows((char)c), strchr(allowed, c) != NULL);
	assert_false(name_allows('\0'));
}

static void a_name_is_made_of_any_text(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ "net", "net" },
		{ "my net (2)", "my_net__2_" },
		{ "\xc3\xa9t\xc3\xa9", "m_t__" },
		{ "_x", "mx" },
		{ LETTERS_63 "45", LETTERS_63 },
	};
	char name[NAME_BYTES_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name_make(name, cases[i].text, strlen(cases[i].text));
		assert_string_equal(name, cases[i].name);
		assert_true(name_is_valid(name));
	}
	name_make(name, "stem.onnx", 4); // a part of a text
	assert_string_equal(name, "stem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_names_are_told_from_others),
		cmocka_unit_test(each_ascii_character_is_judged),
		cmocka_unit_test(a_name_is_made_of_any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
