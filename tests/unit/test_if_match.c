// SPDX-License-Identifier: BSD-3-Clause
// If-Match: what is one, and what it holds for.
#include "ctl/server/operations/if_match.h"

#include "tests/cmocka.h"

#include <string.h>

static bool holds(const char *header, const char *tag)
{
	struct if_match match;
	struct error err = { .text = "" };

	if (if_match_parse(header, &match, &err) != 0)
		fail_msg("%s: %s", header, err.text);
	return if_match_holds(&match, tag);
}

static void tags_are_compared_strongly(void **state)
{
	assert_true(holds(NULL, "\"7\""));
	assert_true(holds(NULL, NULL));
	assert_true(holds("\"7\"", "\"7\""));
	assert_false(holds("\"7\"", "\"70\""));
	assert_false(holds("\"70\"", "\"7\""));
	assert_false(holds("\"7\"", NULL));
	assert_false(holds("W/\"7\"", "\"7\""));
	assert_false(holds("\"\"", "\"7\""));
	assert_false(holds("\"W/7\"", "\"7\""));
	assert_true(holds("*", "\"7\""));
	assert_true(holds(" * ", "\"7\""));
	assert_false(holds("*", NULL));
}

static void lists_hold_for_each_of_them(void **state)
{
	assert_true(holds("\"6\", \"7\"", "\"7\""));
	assert_true(holds("\"6\",\"7\" , \"8\"", "\"7\""));
	assert_true(holds(", ,\"7\",,", "\"7\""));
	assert_true(holds("W/\"7\", \"7\"", "\"7\""));
	assert_false(holds("\"6,7\"", "\"7\""));
	assert_true(holds("\"a,b\"", "\"a,b\""));
	assert_true(holds("\"\xc3\xa4\"", "\"\xc3\xa4\""));
}

static void what_is_none_is_refused(void **state)
{
	static const char *const WRONG[] = { "", " ", ",", "7", "\"7", "7\"", "\"7\" \"8\"",
		"\"7\"x", "w/\"7\"", "W/", "W/7", "W /\"7\"", "**", "*, \"7\"", "\"7\", *",
		"\"7 8\"", "\"\x7f\"", "'7'", "\"7\";" };
	struct if_match match;
	struct error err;

	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		err.text[0] = '\0';
		if (if_match_parse(WRONG[i], &match, &err) != -EINVAL)
			fail_msg("'%s' is taken", WRONG[i]);
		assert_non_null(strstr(err.text, "If-Match: "));
	}
}

static void many_and_long_ones_are_bounded(void **state)
{
	char header[4096] = "\"7\"";
	struct if_match match;
	struct error err;

	for (unsigned i = 1; i < IF_MATCH_TAGS; i++)
		strcat(header, ",\"8\"");
	assert_true(holds(header, "\"7\""));
	strcat(header, ",\"9\"");
	assert_int_equal(if_match_parse(header, &match, &err), -EINVAL);
	memset(header, 'a', sizeof(header));
	header[0] = '"';
	strcpy(header + 4000, "\", \"7\"");
	assert_true(holds(header, "\"7\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_compared_strongly),
		cmocka_unit_test(lists_hold_for_each_of_them),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(many_and_long_ones_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
