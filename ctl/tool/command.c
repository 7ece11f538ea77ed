// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/command.h"

#include "base/name.h"
#include "base/nearest.h"
#include "base/version.h"
#include "ctl/tool/tool.h"
#include "infer/infer.h"

#include <stdlib.h>
#include <string.h>

static const struct option_entry SHARED[] = {
	{ "socket", 's', "SOCK",
		"martletd's socket, or https://HOST:PORT; else $MARTLET_SOCK, "
		"else " TOOL_SOCKET_DEFAULT,
		OPTION_TO_TEXT(struct tool, socket) },
	{ "token-file", 0, "FILE", "of the token for https://; else $MARTLET_TOKEN_FILE",
		OPTION_TO_TEXT(struct tool, token_file) },
	{ "ca", 0, "FILE", "who signs the certificate of https://; else the system's",
		OPTION_TO_TEXT(struct tool, ca) },
	{ "client-cert", 0, "FILE", "a certificate to be known by there",
		OPTION_TO_TEXT(struct tool, client_cert) },
	{ "client-key", 0, "FILE", "its private key", OPTION_TO_TEXT(struct tool, client_key) },
	{ "json", 0, NULL, "print JSON", OPTION_TO_FLAG(struct tool, json) },
	{ "parse-memory", 0, "MIB", "that reading a foreign model may take, MiB (8192)",
		OPTION_TO_U32(struct tool, parse_megabytes, 16, 1 << 20) },
	{ "parse-seconds", 0, "S", "of CPU time that it may take (900)",
		OPTION_TO_U32(struct tool, parse_seconds, 1, 1 << 20) },
	{ "no-sandbox", 0, NULL, "read foreign models in this process, not in one that is confined",
		OPTION_TO_FLAG(struct tool, no_sandbox) },
	{ 0 },
};

// --- The command line of one command -------------------------------------------------------------

static void command_set_sandbox(void)
{
	const struct model_parse_limits limits = {
		.memory_bytes = (uint64_t)tool.parse_megabytes << 20,
		.cpu_seconds = tool.parse_seconds,
	};

	model_parse_apart(tool.no_sandbox ? NULL : &limits);
}

// Of the one command that a process runs.
static struct {
	const struct option_entry *entries; // NULL: not read yet
	bool given[OPTION_ENTRIES_MAX];
} command_line;

int command_lacks(const char *what, const char *why, struct error *err)
{
	return options_lack(command_line.entries, command_line.given, what, why, err);
}

bool command_parse(const struct command *command, char **argv, void *to, int *exit)
{
	char program[64];
	const struct options options = {
		.program = program,
		.about = command->summary,
		.own = { command->entries, to },
		.shared = { SHARED, &tool },
		.kind = command->kind,
		.given = command_line.given,
	};
	struct error err;
	int rc;

	snprintf(program, sizeof(program), "martletctl %s", command->words);
	rc = options_parse(&options, argv, NULL, &err);
	command_line.entries = command->entries;
	if (rc < 0 &&
		tool.refused) // by an entry's own parser: the command line is right, what it names is not
		*exit = TOOL_REFUSED;
	else if (rc != 0)
		*exit = options_end(&options, rc, &err);
	else
		command_set_sandbox();
	return rc == 0;
}

int command_parse_model(void *field, const char *text, struct error *err)
{
	if (!name_is_valid(text))
		return error_set(err, -EINVAL,
			"'%s' is no name for a model: at most %d letters, digits, '_', '.' and "
			"'-', a letter or digit first",
			text, NAME_BYTES_MAX);
	*(const char **)field = text;
	return 0;
}

int command_parse_target(void *field, const char *text, struct error *err)
{
	struct command_target *target = field;
	const char *colon = strrchr(text, ':'), *name = target->model;
	char *end;

	if (strlen(text) < sizeof(target->model) + 6)
		snprintf(target->model, sizeof(target->model), "%.*s",
			colon ? (int)(colon - text) : (int)strlen(text), text);
	if (command_parse_model(&name, target->model[0] ? target->model : text, err) != 0)
		return err->code;
	if (!colon)
		return 0;
	target->version = (uint32_t)strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || strlen(colon) > 6 || target->version < 1 ||
		target->version > COMMAND_VERSION_MAX)
		return error_set(err, -EINVAL,
			"'%s': the version behind the colon must be a number from 1 to %d", text,
			COMMAND_VERSION_MAX);
	return 0;
}

// --- Which command -------------------------------------------------------------------------------

struct command_list {
	const struct command *const *commands;
	uint32_t n;
};

static bool command_has_noun(const struct command *command, const char *noun)
{
	const size_t length = strcspn(command->words, " ");

	return strlen(noun) == length && strncmp(noun, command->words, length) == 0;
}

static const char *command_verb(const struct command *command)
{
	const char *space = strchr(command->words, ' ');

	return space ? space + 1 : NULL;
}

// `noun` NULL: of all nouns.
static void command_print_list(FILE *to, const struct command_list *list, const char *noun)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (!noun || command_has_noun(list->commands[i], noun))
			fprintf(to, "  %-20s  %s\n", list->commands[i]->words,
				list->commands[i]->summary);
}

static int command_print_help(const struct options *options, const struct command_list *list)
{
	options_print_usage(options, stdout);
	fputc('\n', stdout);
	command_print_list(stdout, list, NULL);
	fputc('\n', stdout);
	options_print_entries(options, stdout);
	printf("\nAfter a command, --help tells its own arguments and options.\n"
	       "exit: 0 done, 1 refused or failed, 2 wrong command line\n");
	return TOOL_DONE;
}

// The command whose words are most like what was asked for; NULL: none is alike enough.
static const char *command_nearest(const struct command_list *list, char **argv)
{
	char words[64];
	struct nearest noun = { .wanted = argv[0] }, both = { .wanted = words };

	snprintf(words, sizeof(words), "%s %s", argv[0], argv[1] ? argv[1] : "");
	for (uint32_t i = 0; i < list->n; i++)
		nearest_try(
			command_verb(list->commands[i]) ? &both : &noun, list->commands[i]->words);
	return both.found ? both.found : noun.found;
}

// There is no such command; `known`: its noun is one that has verbs. Without a guess at what was
// meant, all that there is follows.
static int command_refuse(const struct command_list *list, char **argv, bool known)
{
	const char *nearest = command_nearest(list, argv);
	const char *verb = known && argv[1] ? argv[1] : "";

	if (nearest) {
		tool_refuse("there is no command '%s%s%s'; did you mean '%s'?", argv[0],
			*verb ? " " : "", verb, nearest);
		return TOOL_USAGE;
	}
	if (*verb)
		tool_refuse("%s has no '%s'; it has:", argv[0], verb);
	else if (known)
		tool_refuse("%s wants one of:", argv[0]);
	else
		tool_refuse("there is no command '%s'; these are:", argv[0]);
	command_print_list(stderr, list, known ? argv[0] : NULL);
	return TOOL_USAGE;
}

// Runs what argv begins with: a noun, or a noun and its verb.
static int command_run_named(const struct command_list *list, char **argv)
{
	const struct command *of_noun = NULL; // "stats", beside which there may be a "stats reset"
	bool known = false;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct command *command = list->commands[i];
		const char *verb = command_verb(command);

		if (!command_has_noun(command, argv[0]))
			continue;
		known = true;
		if (!verb)
			of_noun = command;
		else if (argv[1] && strcmp(argv[1], verb) == 0)
			return command->run(command, argv + 1);
	}
	if (of_noun)
		return of_noun->run(of_noun, argv);
	if (known && argv[1] && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		command_print_list(stdout, list, argv[0]);
		return TOOL_DONE;
	}
	return command_refuse(list, argv, known);
}

int command_run(const struct command *const *commands, uint32_t n_commands, char **argv)
{
	const struct command_list list = { commands, n_commands };
	const struct options options = {
		.program = "martletctl",
		.synopsis = "[-s SOCK] [--json] NOUN [VERB] ...",
		.version = martlet_version,
		.shared = { SHARED, &tool },
	};
	struct error err;
	int first, rc = options_parse(&options, argv, &first, &err);

	if (rc == OPTIONS_HELP || (rc == 0 && argv[first] && strcmp(argv[first], "help") == 0))
		return command_print_help(&options, &list);
	if (rc != 0)
		return options_end(&options, rc, &err);
	if (!argv[first]) {
		tool_refuse("which command? These are:");
		command_print_list(stderr, &list, NULL);
		return TOOL_USAGE;
	}
	return command_run_named(&list, argv + first);
}
