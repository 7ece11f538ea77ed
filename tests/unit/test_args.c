// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/args.h"

#include "ctl/tool/command.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

static const char *name, *out;
static bool flag;
static int ran;

static int push(int argc, char **argv)
{
	const struct args_option options[] = {
		{ .name = "name", .value = &name },
		{ .name = "output", .letter = 'o', .value = &out },
		{ .name = "all", .letter = 'a', .flag = &flag },
		{ 0 },
	};
	struct args args = { .options = options, .n_min = 1, .n_max = 2 };

	if (!args_parse(&args, argc, argv))
		return args.exit;
	ran++;
	assert_string_equal(args.word[0], "IMAGE");
	return args.n_words == 2 ? 20 : 10;
}

static const struct command COMMANDS[] = {
	{ "status", "", "what runs", push },
	{ "model push", "IMAGE [MORE]", "stores", push },
};

static int run(const char *line)
{
	char *argv[16] = { 0 }, *copy = strdup(line), *rest = copy;
	int argc = 0, code;

	name = out = NULL;
	flag = false;
	ran = 0;
	tool = (struct tool){ .socket = "default" };
	while (rest)
		argv[argc++] = strsep(&rest, " ");
	code = command_run(COMMANDS, 2, argc, argv);
	if (name)
		name = !strcmp(name, "N") ? "N" : "wrong";
	if (out)
		out = !strcmp(out, "X") ? "X" : "wrong";
	if (strcmp(tool.socket, "default"))
		tool.socket = !strcmp(tool.socket, "S") ? "S" : "wrong";
	free(copy);
	return code;
}

static void options_anywhere(void **state)
{
	assert_int_equal(run("m model push IMAGE"), 10);
	assert_int_equal(run("m model push --name N IMAGE -o X two -a"), 20);
	assert_string_equal(name, "N");
	assert_string_equal(out, "X");
	assert_true(flag);
	assert_int_equal(run("m model push --name=N -oX IMAGE"), 10);
	assert_string_equal(name, "N");
	assert_string_equal(out, "X");
	assert_int_equal(run("m model push IMAGE -- --name"), 20);
	assert_null(name);
}

static void global_options_before_and_after(void **state)
{
	assert_int_equal(run("m -s S --json model push IMAGE"), 10);
	assert_string_equal(tool.socket, "S");
	assert_true(tool.json);
	assert_int_equal(run("m model push IMAGE --socket=S --json"), 10);
	assert_string_equal(tool.socket, "S");
	assert_true(tool.json);
}

static void misuse_is_2_and_does_not_run(void **state)
{
	static const char *const lines[] = {
		"m",
		"m nothing",
		"m model",
		"m model nothing",
		"m -x status",
		"m -s",
		"m model push",
		"m model push IMAGE two three",
		"m model push IMAGE --nothing",
		"m model push IMAGE --name",
		"m model push IMAGE --names=N",
		"m model push IMAGE --all=N",
		"m model push IMAGE -ax",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(run(lines[i]), TOOL_USAGE);
		assert_int_equal(ran, 0);
	}
}

static void help_is_0_and_does_not_run(void **state)
{
	static const char *const lines[] = { "m --help", "m -h", "m help", "m model --help",
		"m model push -h", "m --version" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(run(lines[i]), TOOL_DONE);
		assert_int_equal(ran, 0);
	}
}

static void number_in_range_only(void **state)
{
	static const char *const bad[] = { "", "0", "65536", "-1", "+1", " 1", "1x", "0x1",
		"99999999999999999999999" };
	uint32_t n = 0;

	assert_true(args_number("65535", "version", 1, 65535, &n));
	assert_int_equal(n, 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(args_number(bad[i], "version", 1, 65535, &n));
}

static void model_name_safe_in_a_path(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "a b", "-a", "_a", "a%2f", "a?b",
		"0123456789012345678901234567890123456789012345678901234567890123" };

	assert_true(args_model_name("lab"));
	assert_true(args_model_name("3.x_y-Z"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(args_model_name(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_anywhere),
		cmocka_unit_test(global_options_before_and_after),
		cmocka_unit_test(misuse_is_2_and_does_not_run),
		cmocka_unit_test(help_is_0_and_does_not_run),
		cmocka_unit_test(number_in_range_only),
		cmocka_unit_test(model_name_safe_in_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
