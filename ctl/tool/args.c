// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/args.h"

#include "ctl/tool/tool.h"
#include "infer/infer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// Does `arg` name the option? *value: what is glued to it (--name=V, -oV), or NULL.
static bool matches(const struct args_option *option, const char *arg, const char **value)
{
	size_t length = strlen(option->name);

	*value = NULL;
	if (option->letter && arg[0] == '-' && arg[1] == option->letter) {
		if (arg[2] && option->value)
			*value = arg + 2;
		return !arg[2] || option->value;
	}
	if (strncmp(arg, "--", 2) || strncmp(arg + 2, option->name, length))
		return false;
	if (arg[2 + length] == '=' && option->value)
		*value = arg + 3 + length;
	return !arg[2 + length] || *value;
}

// 1: taken, 0: not this one, -1: its value is missing.
static int take(const struct args_option *option, int argc, char **argv, int *i)
{
	const char *value;

	if (!matches(option, argv[*i], &value))
		return 0;
	if (!option->value) {
		*option->flag = true;
		return 1;
	}
	if (!value) {
		if (*i + 1 >= argc)
			return -1;
		value = argv[++*i];
	}
	*option->value = value;
	return 1;
}

int args_global(int argc, char **argv, int *i)
{
	const struct args_option options[] = {
		{ .name = "socket", .letter = 's', .value = &tool.socket },
		{ .name = "json", .flag = &tool.json },
	};

	for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
		int taken = take(&options[o], argc, argv, i);

		if (taken)
			return taken;
	}
	return 0;
}

static bool stop(struct args *args, int exit_code)
{
	args->exit = exit_code;
	return false;
}

static bool parse_option(struct args *args, int argc, char **argv, int *i)
{
	int taken = args_global(argc, argv, i);

	for (const struct args_option *o = args->options; !taken && o && o->name; o++)
		taken = take(o, argc, argv, i);
	if (taken < 0)
		return stop(args, tool_misused("%s wants a value after it", argv[*i]));
	if (!taken)
		return stop(args, tool_misused("unknown option %s", argv[*i]));
	return true;
}

static bool is_help(const char *arg)
{
	return !strcmp(arg, "-h") || !strcmp(arg, "--help");
}

static void print_help(void)
{
	printf("usage: martletctl %s%s%s\n\n%s.\n\n"
	       "Every command also takes -s SOCK (martletd's socket) and --json.\n",
		tool.command->words, *tool.command->arguments ? " " : "", tool.command->arguments,
		tool.command->summary);
}

static int words_in(const char *text)
{
	int n = 1;

	for (; *text; text++)
		n += *text == ' ';
	return n;
}

bool args_parse(struct args *args, int argc, char **argv)
{
	bool only_words = false;

	args->n_words = 0;
	memset(args->word, 0, sizeof(args->word));
	for (int i = words_in(tool.command->words); i < argc; i++) {
		if (!only_words && !strcmp(argv[i], "--")) {
			only_words = true;
		} else if (!only_words && is_help(argv[i])) {
			print_help();
			return stop(args, TOOL_DONE);
		} else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
			if (!parse_option(args, argc, argv, &i))
				return false;
		} else if (args->n_words == args->n_max) {
			return stop(args, tool_misused("'%s' is one argument too many", argv[i]));
		} else {
			args->word[args->n_words++] = argv[i];
		}
	}
	if (args->n_words < args->n_min)
		return stop(args,
			tool_misused("%s wants %u argument%s, not %u", tool.command->words,
				args->n_min, args->n_min == 1 ? "" : "s", args->n_words));
	return true;
}

bool args_number(const char *text, const char *what, uint32_t min, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || value < min || value > max) {
		tool_misused("%s '%s' is not a whole number from %u to %u", what, text, min, max);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

bool args_model_name(const char *name)
{
	size_t length =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	if (length && !name[length] && length <= MODEL_NAME_MAX && isalnum((unsigned char)*name))
		return true;
	tool_misused(
		"model name '%s': at most %d letters, digits, '_', '.' and '-', a letter or digit "
		"first",
		name, MODEL_NAME_MAX);
	return false;
}
