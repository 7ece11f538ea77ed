// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with a port: how long it is, and how often the log hears of it.
#include "dataplane/device/trouble.h"

#include "tests/cmocka.h"

#include <string.h>

#define LOOPBACK 1 // its number in every network namespace

static struct trouble trouble;
static char text[512];

static void interface_that_was_away_is_gone_until_the_port_is_opened_again(void **state)
{
	const struct trouble_subject subject = {
		.name = "edge", .if_index = LOOPBACK, .if_name = "lo", .can_return = true
	};

	trouble = (struct trouble){ .text = "" };
	trouble_begin(&trouble, &subject);
	trouble_look(&trouble);
	assert_false(trouble.is_gone);
	trouble.is_gone = true; // as it was found, while the interface was in another namespace
	trouble_look(&trouble);
	assert_true(trouble.is_gone && trouble.is_link_down);
	assert_string_equal(trouble.text,
		"interface lo is gone: the port serves again once there is one of that name");
	trouble_begin(&trouble, &subject);
	trouble_look(&trouble);
	assert_false(trouble.is_gone);
	assert_null(strstr(trouble.text, "is gone"));
}

static void bond_without_a_link_is_in_trouble(void **state)
{
	struct bond bond = { .n = 2, .is_up = false };
	const struct trouble_subject subject = { .name = "edge", .bond = &bond };

	trouble = (struct trouble){ .text = "" };
	trouble_begin(&trouble, &subject);
	trouble_look(&trouble);
	assert_true(trouble.is_link_down);
	assert_true(trouble_news(&trouble, text, sizeof(text)));
	assert_string_equal(
		text, "port edge: no member has a link: their cables or the other ends are down");
	trouble_look(&trouble);
	assert_false(trouble_news(&trouble, text, sizeof(text)));
}

// A thousand changes of a link whose other end somebody plays with.
static void link_that_flaps_does_not_fill_the_log(void **state)
{
	struct bond bond = { .n = 2, .is_up = false };
	const struct trouble_subject subject = { .name = "edge", .bond = &bond };
	uint32_t lines = 0;

	trouble = (struct trouble){ .text = "" };
	trouble_begin(&trouble, &subject);
	for (int i = 0; i < 1000; i++) {
		trouble.text[0] = '\0';
		trouble_look(&trouble);
		lines += trouble_news(&trouble, text, sizeof(text));
	}
	assert_true(lines >= 64 && lines < 1000);
	assert_true(trouble.is_news); // said later
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_that_was_away_is_gone_until_the_port_is_opened_again),
		cmocka_unit_test(bond_without_a_link_is_in_trouble),
		cmocka_unit_test(link_that_flaps_does_not_fill_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
