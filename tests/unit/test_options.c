// SPDX-License-Identifier: BSD-3-Clause
#include "base/options.h"

#include "base/nearest.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24

enum fruit { APPLE, PEAR, PLUM };

// What the tables below fill.
struct order {
	const char *image, *rows, *out;
	uint32_t count;
	uint64_t grams;
	double price;
	enum fruit fruit;
	bool all;
	char initial;
	uint32_t n_seen;
};

struct everywhere {
	const char *socket;
	bool json;
};

static int parse_initial(void *field, const char *text, struct error *err)
{
	if (strlen(text) != 1)
		return error_set(err, -EINVAL, "'%s' is more than an initial", text);
	*(char *)field = *text;
	return 0;
}

static int count_seen(void *field, const char *text, struct error *err)
{
	((struct order *)field)->n_seen++;
	return 0;
}

static const struct option_entry OWN[] = {
	{ NULL, 0, "IMAGE", "what is pushed", OPTION_TO_TEXT(struct order, image),
		.required = true },
	{ NULL, 0, "ROWS", "the rows", OPTION_TO_TEXT(struct order, rows) },
	{ "output", 'o', "FILE", "where it goes", OPTION_TO_TEXT(struct order, out),
		.required = true },
	{ "count", 0, "N", "how many", OPTION_TO_U32(struct order, count, 1, 65535) },
	{ "grams", 0, "G", "how heavy", OPTION_TO_U64(struct order, grams, 0, 1e18) },
	{ "price", 0, "P", "how dear", OPTION_TO_DOUBLE(struct order, price, -2, 1e6) },
	{ "fruit", 0, "apple|pear|plum", "which", OPTION_TO_CHOICE(struct order, fruit) },
	{ "all", 'a', NULL, "all of them", OPTION_TO_FLAG(struct order, all) },
	{ "initial", 0, "C", "a letter", OPTION_TO_OWN(struct order, initial, parse_initial) },
	{ "seen", 0, "X", "may be repeated", OPTION_TO_ALL(count_seen) },
	{ 0 },
};

static const struct option_entry SHARED[] = {
	{ "socket", 's', "SOCK", "the socket", OPTION_TO_TEXT(struct everywhere, socket) },
	{ "json", 0, NULL, "JSON", OPTION_TO_FLAG(struct everywhere, json) },
	{ 0 },
};

static struct order order;
static struct everywhere everywhere;
static struct error err;
static const struct options OPTIONS = {
	.program = "shop",
	.about = "Sells fruit.",
	.after = "Closed on Sundays.",
	.version = "v1",
	.own = { OWN, &order },
	.shared = { SHARED, &everywhere },
};

// The words of `line` as a command line; they live until the next call.
// The words of a command line by itself, the program's name in front.
static int parse_by(const struct options *options, const char *line, int *next)
{
	static char text[1024], program[] = "shop";
	char *argv[WORDS_MAX + 1] = { program }, *rest = text;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	order = (struct order){ .count = 7, .fruit = PEAR };
	everywhere = (struct everywhere){ 0 };
	err.text[0] = '\0';
	while (rest && *rest)
		argv[argc++] = strsep(&rest, " ");
	return options_parse(options, argv, next, &err);
}

static int parse_to(const char *line, int *next)
{
	return parse_by(&OPTIONS, line, next);
}

static int parse(const char *line)
{
	return parse_to(line, NULL);
}

static void every_form_is_taken(void **state)
{
	assert_int_equal(parse("i -o out"), 0);
	assert_string_equal(order.image, "i");
	assert_string_equal(order.out, "out");
	assert_null(order.rows);
	assert_int_equal(order.count, 7);
	assert_int_equal(order.fruit, PEAR);
	assert_false(order.all || everywhere.json);
	assert_int_equal(parse("--output=out i --socket s -a r --json"), 0);
	assert_string_equal(order.out, "out");
	assert_string_equal(order.rows, "r");
	assert_string_equal(everywhere.socket, "s");
	assert_true(order.all && everywhere.json);
	assert_int_equal(parse("-oout -ss -- -i --json"), 0);
	assert_string_equal(order.out, "out");
	assert_string_equal(order.image, "-i");
	assert_string_equal(order.rows, "--json");
	assert_false(everywhere.json);
	assert_int_equal(parse("- -o -"), 0);
	assert_string_equal(order.image, "-");
	assert_string_equal(order.out, "-");
}

static void every_kind_of_value_is_taken(void **state)
{
	assert_int_equal(parse("i -o o --count 65535 --grams 1e18 --price -1.5 --fruit plum "
			       "--initial x --seen 1 --seen 2"),
		0);
	assert_int_equal(order.count, 65535);
	assert_int_equal(order.grams, 1000000000000000000ull);
	assert_true(order.price == -1.5);
	assert_int_equal(order.fruit, PLUM);
	assert_int_equal(order.initial, 'x');
	assert_int_equal(order.n_seen, 2);
}

static void reading_ends_at_the_first_argument(void **state)
{
	static const struct option_entry NONE[] = { { 0 } };
	const struct options options = {
		.program = "shop", .own = { NONE, NULL }, .shared = { SHARED, &everywhere }
	};
	char *argv[] = { (char *)"shop", (char *)"--json", (char *)"-s", (char *)"S",
		(char *)"push", (char *)"-x", NULL };
	int next;

	everywhere = (struct everywhere){ 0 };
	assert_int_equal(options_parse(&options, argv, &next, &err), 0);
	assert_int_equal(next, 4);
	assert_true(everywhere.json);
	assert_string_equal(everywhere.socket, "S");
	argv[4] = NULL;
	assert_int_equal(options_parse(&options, argv, &next, &err), 0);
	assert_int_equal(next, 4);
}

// Of an argument whose name ends in "...".
static void arguments_without_end_are_taken(void **state)
{
	static const struct option_entry entries[] = {
		{ NULL, 0, "FIRST", "the first", OPTION_TO_TEXT(struct order, image) },
		{ "all", 'a', NULL, "all of them", OPTION_TO_FLAG(struct order, all) },
		{ NULL, 0, "MORE...", "the others", OPTION_TO_ALL(count_seen), .required = true },
		{ 0 },
	};
	const struct options options = { .program = "shop", .own = { entries, &order } };

	assert_int_equal(parse_by(&options, "one two -a three -- -four", NULL), 0);
	assert_string_equal(order.image, "one");
	assert_int_equal(order.n_seen, 3);
	assert_true(order.all);
	assert_int_equal(parse_by(&options, "one", NULL), -EINVAL);
	assert_string_equal(err.text, "MORE... is missing: the others");
}

static void help_and_version_need_nothing_else(void **state)
{
	assert_int_equal(parse("--help"), OPTIONS_HELP);
	assert_int_equal(parse("i -h --nothing"), OPTIONS_HELP);
	assert_int_equal(parse("--version"), OPTIONS_VERSION);
}

// A command line and the whole sentence that refuses it.
static const struct option_refusal {
	const char *line, *text;
} REFUSALS[] = {
	{ "", "IMAGE is missing: what is pushed" },
	{ "i", "-o FILE is missing: where it goes" },
	{ "i r x -o o", "'x' is one argument too many" },
	{ "i -o", "-o needs a value: FILE" },
	{ "i --output", "--output needs a value: FILE" },
	{ "i -x", "'-x' is not an option; see --help" },
	{ "i -ax", "'-ax' is not an option; see --help" },
	{ "i --", "-o FILE is missing: where it goes" },
	{ "i --outptu=o", "'--outptu=o' is not an option; did you mean --output?" },
	{ "i --sockets s", "'--sockets' is not an option; did you mean --socket?" },
	{ "i --all=1", "'--all=1': -a takes no value" },
	{ "i --json=1", "'--json=1': --json takes no value" },
	{ "i --count 0", "--count 0: a number from 1 to 65535 is wanted" },
	{ "i --count 65536", "--count 65536: a number from 1 to 65535 is wanted" },
	{ "i --count 1.5", "--count 1.5: a whole number is wanted" },
	{ "i --count 1e-1", "--count 1e-1: a number from 1 to 65535 is wanted" },
	{ "i --count 15e-1", "--count 15e-1: a whole number is wanted" },
	{ "i --count 4x", "--count 4x: a number from 1 to 65535 is wanted" },
	{ "i --count 0x4", "--count 0x4: a number from 1 to 65535 is wanted" },
	{ "i --count +4", "--count +4: a number from 1 to 65535 is wanted" },
	{ "i --count=", "--count : a number from 1 to 65535 is wanted" },
	{ "i --count -1", "--count -1: a number from 1 to 65535 is wanted" },
	{ "i --price nan", "--price nan: a number from -2 to 1000000 is wanted" },
	{ "i --price inf", "--price inf: a number from -2 to 1000000 is wanted" },
	{ "i --fruit fig", "--fruit 'fig': apple, pear or plum is wanted" },
	{ "i --fruit app", "--fruit 'app': apple, pear or plum is wanted" },
	{ "i --fruit apple|pear", "--fruit 'apple|pear': apple, pear or plum is wanted" },
	{ "i --initial xy", "--initial: 'xy' is more than an initial" },
};

static void refusals_say_what_would_be_right(void **state)
{
	for (size_t i = 0; i < sizeof(REFUSALS) / sizeof(REFUSALS[0]); i++) {
		assert_int_equal(parse(REFUSALS[i].line), -EINVAL);
		assert_string_equal(err.text, REFUSALS[i].text);
	}
}

static const char *fruit_of(const void *to)
{
	static const char *const FRUIT[] = { "apple", "pear", "plum" };

	return FRUIT[((const struct order *)to)->fruit];
}

static void options_of_another_kind_are_refused(void **state)
{
	static const struct option_entry ENTRIES[] = {
		{ "fruit", 0, "apple|pear|plum", "which", OPTION_TO_CHOICE(struct order, fruit) },
		{ "count", 0, "N", "how many", OPTION_TO_U32(struct order, count, 1, 9),
			.of = "pear|plum" },
		{ "all", 'a', NULL, "all of them", OPTION_TO_FLAG(struct order, all),
			.of = "apple" },
		{ 0 },
	};
	static const struct {
		const char *words[6], *text; // NULL: taken
	} CASES[] = {
		{ { "shop", "--fruit", "plum", "--count", "2" }, NULL },
		{ { "shop", "-a" }, NULL },
		{ { "shop", "--count", "2", "--fruit", "pear" }, NULL },
		{ { "shop", "--count", "2" },
			"--count is an option of pear or plum: apple has no use of it" },
		{ { "shop", "-a", "--fruit", "plum" },
			"-a is an option of apple: plum has no use of it" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct order to = { 0 };
		struct options options = {
			.program = "shop", .own = { ENTRIES, &to }, .kind = fruit_of
		};

		assert_int_equal(
			options_parse(&options, (char **)(uintptr_t)CASES[i].words, NULL, &err),
			CASES[i].text ? -EINVAL : 0);
		if (CASES[i].text)
			assert_string_equal(err.text, CASES[i].text);
	}
}

static void options_for_what_is_not_there_are_refused(void **state)
{
	static const struct option_entry ENTRIES[] = {
		{ "fruit", 0, "apple|pear|plum", "which", OPTION_TO_CHOICE(struct order, fruit) },
		{ "count", 0, "N", "how many", OPTION_TO_U32(struct order, count, 1, 9),
			.needs = "ripe ones|stock" },
		{ "all", 'a', NULL, "all of them", OPTION_TO_FLAG(struct order, all),
			.needs = "stock" },
		{ 0 },
	};
	const char *const words[] = { "shop", "--fruit", "plum", "--count", "2", NULL };
	bool given[OPTION_ENTRIES_MAX] = { false };
	struct order to = { 0 };
	const struct options options = {
		.program = "shop", .own = { ENTRIES, &to }, .given = given
	};

	assert_int_equal(options_parse(&options, (char **)(uintptr_t)words, NULL, &err), 0);
	assert_true(given[0] && given[1] && !given[2]);
	assert_int_equal(options_lack(ENTRIES, given, "customers", "it rains", &err), 0);
	assert_int_equal(options_lack(ENTRIES, given, "ripe", "it is May", &err), 0);
	assert_int_equal(options_lack(ENTRIES, given, "ripe ones", "it is May", &err), -EINVAL);
	assert_string_equal(err.text, "--count is for ripe ones: it is May");
	assert_int_equal(options_lack(ENTRIES, given, "stock", "all is sold", &err), -EINVAL);
	given[1] = false;
	assert_int_equal(options_lack(ENTRIES, given, "stock", "all is sold", &err), 0);
}

static void usage_and_help_come_from_the_table(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	options_print_usage(&OPTIONS, to);
	options_print_entries(&OPTIONS, to);
	fclose(to);
	assert_string_equal(text,
		"usage: shop IMAGE [ROWS] -o FILE [--count N] [--grams G] [--price P]\n"
		"        [--fruit apple|pear|plum] [-a] [--initial C] [--seen X]\n"
		"  IMAGE                        what is pushed\n"
		"  ROWS                         the rows\n"
		"  -o, --output FILE            where it goes\n"
		"      --count N                how many\n"
		"      --grams G                how heavy\n"
		"      --price P                how dear\n"
		"      --fruit apple|pear|plum  which\n"
		"  -a, --all                    all of them\n"
		"      --initial C              a letter\n"
		"      --seen X                 may be repeated\n"
		"  -s, --socket SOCK            the socket\n"
		"      --json                   JSON\n"
		"  -h, --help                   print this and end\n"
		"      --version                print the version and end\n");
	free(text);
}

static void near_names_are_found(void **state)
{
	static const struct {
		const char *wanted, *found;
	} cases[] = { { "mbuf", "mbufs" }, { "mbusf", "mbufs" }, { "sockte", "socket" },
		{ "so", NULL }, { "wholly", NULL }, { "", NULL } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nearest nearest = { .wanted = cases[i].wanted };

		nearest_try(&nearest, "mbufs");
		nearest_try(&nearest, "socket");
		if (cases[i].found)
			assert_string_equal(nearest.found, cases[i].found);
		else
			assert_null(nearest.found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_taken),
		cmocka_unit_test(every_kind_of_value_is_taken),
		cmocka_unit_test(reading_ends_at_the_first_argument),
		cmocka_unit_test(arguments_without_end_are_taken),
		cmocka_unit_test(help_and_version_need_nothing_else),
		cmocka_unit_test(refusals_say_what_would_be_right),
		cmocka_unit_test(options_of_another_kind_are_refused),
		cmocka_unit_test(options_for_what_is_not_there_are_refused),
		cmocka_unit_test(usage_and_help_come_from_the_table),
		cmocka_unit_test(near_names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
