// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/command.h"

#include "ctl/tool/tool.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

struct push_command {
	const char *image, *more, *name;
	bool all;
};

static const struct option_entry PUSH[] = {
	COMMAND_IMAGE(struct push_command),
	{ NULL, 0, "MORE", "more of them", OPTION_TO_TEXT(struct push_command, more) },
	{ "name", 0, "N", "its name",
		OPTION_TO_OWN(struct push_command, name, command_parse_model) },
	{ "all", 'a', NULL, "all of them", OPTION_TO_FLAG(struct push_command, all) },
	{ 0 },
};

static int ran;
static struct push_command pushed;

static int push_run(const struct command *command, char **argv)
{
	int exit;

	pushed = (struct push_command){ 0 };
	if (!command_parse(command, argv, &pushed, &exit))
		return exit;
	ran++;
	assert_string_equal(pushed.image, "IMAGE");
	return pushed.more ? 20 : 10;
}

static int status_run(const struct command *command, char **argv)
{
	int exit;

	if (!command_parse(command, argv, NULL, &exit))
		return exit;
	ran++;
	return 30;
}

static const struct command STATUS = { "status", "what runs", NULL, NULL, status_run };
static const struct command MODEL_PUSH = { "model push", "stores", PUSH, NULL, push_run };
static const struct command *const COMMANDS[] = { &STATUS, &MODEL_PUSH };

static int run(const char *line)
{
	static char text[128]; // what is pointed to outlives the run
	char *argv[16] = { 0 }, *rest = text;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	ran = 0;
	tool = (struct tool){ .socket = "default" };
	while (rest)
		argv[argc++] = strsep(&rest, " ");
	return command_run(COMMANDS, 2, argv);
}

static void noun_and_verb_find_the_command(void **state)
{
	assert_int_equal(run("m status"), 30);
	assert_int_equal(run("m model push IMAGE"), 10);
	assert_int_equal(run("m model push --name N IMAGE two -a"), 20);
	assert_string_equal(pushed.name, "N");
	assert_true(pushed.all);
	assert_int_equal(ran, 1);
}

static void shared_options_before_and_after(void **state)
{
	assert_int_equal(run("m -s S --json model push IMAGE"), 10);
	assert_string_equal(tool.socket, "S");
	assert_true(tool.json);
	assert_int_equal(run("m model push IMAGE --socket=S --json"), 10);
	assert_string_equal(tool.socket, "S");
	assert_true(tool.json);
	assert_int_equal(run("m status"), 30);
	assert_string_equal(tool.socket, "default");
	assert_false(tool.json);
}

static void misuse_is_2_and_does_not_run(void **state)
{
	static const char *const lines[] = { "m", "m nothing", "m model", "m model nothing",
		"m modle push", "m statsu", "m model psh", "m -x status", "m -s", "m model push",
		"m model push IMAGE two three", "m model push IMAGE --nothing",
		"m model push IMAGE --name", "m model push IMAGE --names=N",
		"m model push IMAGE --all=N", "m model push IMAGE -ax", "m status extra",
		"m model push IMAGE --version" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(run(lines[i]), TOOL_USAGE);
		assert_int_equal(ran, 0);
	}
}

static void help_is_0_and_does_not_run(void **state)
{
	static const char *const lines[] = { "m --help", "m -h", "m help", "m model --help",
		"m model push -h", "m status --help", "m --version" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(run(lines[i]), TOOL_DONE);
		assert_int_equal(ran, 0);
	}
}

static void model_name_safe_in_a_path(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "a b", "-a", "_a", "a%2f", "a?b",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	const char *name = NULL;
	struct error err;

	assert_int_equal(command_parse_model(&name, "lab", &err), 0);
	assert_string_equal(name, "lab");
	assert_int_equal(command_parse_model(&name, "3.x_y-Z", &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(command_parse_model(&name, bad[i], &err), -EINVAL);
	assert_string_equal(name, "3.x_y-Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noun_and_verb_find_the_command),
		cmocka_unit_test(shared_options_before_and_after),
		cmocka_unit_test(misuse_is_2_and_does_not_run),
		cmocka_unit_test(help_is_0_and_does_not_run),
		cmocka_unit_test(model_name_safe_in_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
