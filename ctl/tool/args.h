// SPDX-License-Identifier: BSD-3-Clause
// The command line of one command: options anywhere, words between them. Every command also takes
// -s SOCK (--socket), --json and -h (--help), which end up in `tool`.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ARGS_WORDS_MAX 8

struct args_option {
	const char *name;   // "version" for --version; NULL ends the list
	char letter;        // 'o' for -o; 0: none
	const char **value; // what follows it ends up here; NULL: the option is a flag
	bool *flag;
};

struct args {
	const struct args_option *options; // NULL: none beside the global ones
	uint32_t n_min, n_max;             // words wanted
	const char *word[ARGS_WORDS_MAX];  // NULL after the last one given
	uint32_t n_words;
	int exit; // what the command returns where args_parse() says false
};

// Parses argv, which begins with the words of tool.command. False: usage or help was printed.
bool args_parse(struct args *args, int argc, char **argv);

// One of the global options at argv[*i]: takes it (and its value, moving *i) and returns 1; 0 where
// it is something else; -1 where its value is missing.
int args_global(int argc, char **argv, int *i);

// A whole number in [min, max] from `text`, or false after saying what `what` must be.
bool args_number(const char *text, const char *what, uint32_t min, uint32_t max, uint32_t *out);
// True if `name` can be a model's name; otherwise says what can.
bool args_model_name(const char *name);
