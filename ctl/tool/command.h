// SPDX-License-Identifier: BSD-3-Clause
// The commands: what describes one, how the one that is meant is found, and how its command line is
// read. Each command is a constant in the file that has its code; martletctl.c lists them.
#pragma once

#include "base/name.h"
#include "base/options.h"

struct command {
	const char *words;   // "status" or "model push"
	const char *summary; // one line, for the list of commands and the command's --help
	// Its arguments and options; NULL: none but those that every command has.
	const struct option_entry *entries;
	const char *(*kind)(const void *to); // options.kind, see base/options.h; NULL: none
	// `argv` begins with the last of the command's words. Returns an enum tool_exit.
	int (*run)(const struct command *command, char **argv);
};

// Reads the options before the command, finds the command and runs it. Returns its exit code;
// TOOL_USAGE where there is no such command. `argv` begins with the program's name.
int command_run(const struct command *const *commands, uint32_t n_commands, char **argv);

// Reads a command's arguments and options into the struct that its entries describe. False where
// the command must not go on: help or a refusal was printed, and *exit is what it returns.
bool command_parse(const struct command *command, char **argv, void *to, int *exit);

// Something that options of the command that runs are for is not there, and `why`: -EINVAL where one of these was given.
// See options_lack(); 0 before a command line is read.
int command_lacks(const char *what, const char *why, struct error *err);

// For OPTION_TO_OWN: a const char * that must be good as a model's name.
int command_parse_model(void *field, const char *text, struct error *err);

struct command_target { // "lab", or "lab:4"
	char model[NAME_BYTES_MAX + 1];
	uint32_t version; // 0: none was said
};
// For OPTION_TO_OWN: a struct command_target, of MODEL or MODEL:VERSION.
int command_parse_target(void *field, const char *text, struct error *err);

// Entries that several commands have; `type` is the struct that they fill.
#define COMMAND_IMAGE(type)                                                                        \
	{                                                                                          \
		NULL, 0, "IMAGE", "the model's image, a .mlt file", OPTION_TO_TEXT(type, image),   \
			.required = true                                                           \
	}
#define COMMAND_MODEL(type)                                                                        \
	{                                                                                          \
		NULL, 0, "MODEL", "the model's name",                                              \
			OPTION_TO_OWN(type, model, command_parse_model), .required = true          \
	}
#define COMMAND_VERSION_MAX 65535
#define COMMAND_VERSION(type)                                                                      \
	{                                                                                          \
		NULL, 0, "VERSION", "the number of a stored version, 1 to 65535",                  \
			OPTION_TO_U32(type, version, 1, COMMAND_VERSION_MAX), .required = true     \
	}
