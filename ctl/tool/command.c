// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/command.h"

#include "ctl/tool/args.h"

#include <string.h>

// The server's build defines the same; unit tests are built without.
#ifndef MARTLET_VERSION
#define MARTLET_VERSION "unknown"
#endif

static void print_commands(FILE *to, const struct command *commands, uint32_t n, const char *noun)
{
	size_t length = noun ? strlen(noun) : 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct command *c = &commands[i];

		if (noun && (strncmp(c->words, noun, length) || c->words[length] != ' '))
			continue;
		fprintf(to, "  %-16s %s\n", c->words, c->summary);
	}
}

static int print_help(const struct command *commands, uint32_t n)
{
	printf("usage: martletctl [-s SOCK] [--json] NOUN [VERB] [ARGS]\n\n");
	print_commands(stdout, commands, n, NULL);
	printf("\n  -s SOCK          martletd's socket; else $MARTLET_SOCK, else %s\n"
	       "  --json           print JSON\n"
	       "  -h               this, or after a command its own usage\n"
	       "  --version        the build\n\n"
	       "exit: 0 done, 1 refused or failed, 2 wrong command line\n",
		TOOL_SOCKET_DEFAULT);
	return TOOL_DONE;
}

// "model push" against argv "model", "push", ...
static bool is_meant(const struct command *command, int argc, char **argv)
{
	const char *space = strchr(command->words, ' ');
	size_t noun = space ? (size_t)(space - command->words) : strlen(command->words);

	if (strlen(argv[0]) != noun || strncmp(argv[0], command->words, noun))
		return false;
	return !space || (argc > 1 && !strcmp(argv[1], space + 1));
}

static bool has_noun(const struct command *commands, uint32_t n, const char *noun)
{
	size_t length = strlen(noun);

	for (uint32_t i = 0; i < n; i++)
		if (!strncmp(commands[i].words, noun, length) && commands[i].words[length] == ' ')
			return true;
	return false;
}

static int not_found(const struct command *commands, uint32_t n, int argc, char **argv)
{
	bool known = has_noun(commands, n, argv[0]);
	bool asked = known && argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"));

	if (asked) {
		print_commands(stdout, commands, n, argv[0]);
		return TOOL_DONE;
	}
	if (!known) {
		tool_misused("there is no command '%s'; these are:", argv[0]);
		print_commands(stderr, commands, n, NULL);
	} else {
		if (argc > 1)
			tool_misused("%s has no '%s'; it has:", argv[0], argv[1]);
		else
			tool_misused("%s wants one of:", argv[0]);
		print_commands(stderr, commands, n, argv[0]);
	}
	return TOOL_USAGE;
}

int command_run(const struct command *commands, uint32_t n_commands, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		int taken;

		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return print_help(commands, n_commands);
		if (!strcmp(argv[i], "--version")) {
			printf("martletctl %s\n", MARTLET_VERSION);
			return TOOL_DONE;
		}
		taken = args_global(argc, argv, &i);
		if (taken < 0)
			return tool_misused("%s wants a value after it", argv[i]);
		if (!taken)
			return tool_misused(
				"unknown option %s before the command; see martletctl --help",
				argv[i]);
	}
	if (i == argc) {
		tool_misused("which command? These are:");
		print_commands(stderr, commands, n_commands, NULL);
		return TOOL_USAGE;
	}
	if (!strcmp(argv[i], "help"))
		return print_help(commands, n_commands);
	for (uint32_t c = 0; c < n_commands; c++) {
		if (!is_meant(&commands[c], argc - i, argv + i))
			continue;
		tool.command = &commands[c];
		return commands[c].run(argc - i, argv + i);
	}
	return not_found(commands, n_commands, argc - i, argv + i);
}
