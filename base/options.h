// SPDX-License-Identifier: BSD-3-Clause
// The command line of a program, or of one of its commands, read by a table with one entry for
// each option and argument. The entry says what it is called, what its value must be, where the
// value goes and what it is for; parsing, usage, --help and every refusal come from there.
//
// Options may stand anywhere among the arguments, until a "--": --name VALUE, --name=VALUE,
// -n VALUE, -nVALUE. Every table has --help and -h beside its own. One thread; nothing is kept.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
	OPTION_FLAG,   // bool, true where the option is given; it has no value
	OPTION_TEXT,   // const char *, into argv
	OPTION_U32,    // uint32_t
	OPTION_U64,    // uint64_t
	OPTION_DOUBLE, // double
	OPTION_CHOICE, // uint32_t or an enum: the number, from 0, of a word in `value`: "f32|bf16"
	OPTION_OWN,    // whatever parse() makes of it
};

struct option_entry {
	const char *name; // "output" for --output; NULL: an argument, known by its position
	char letter;      // 'o' for -o; 0: none
	// Stands for the value in the usage, "FILE"; NULL for a flag. An argument's that ends in "..." is taken
	// as often as there are arguments left, each handed to parse(): it is the last.
	const char *value;
	const char *help;      // one line; it also completes "-o FILE is missing: ..."
	enum option_kind kind; // this and what follows are set by the macros below
	size_t offset;         // of the field in the struct that is filled
	double min, max;       // of a number, both allowed
	// Reads `text` into *field. 0, or a negative errno with a sentence.
	int (*parse)(void *field, const char *text, struct error *err);
	bool required;
	// Which of the kinds that options.kind() tells it is an option of, "gru|lstm"; NULL: of all.
	const char *of;
	// What must be there for the option to have an effect, which is only known once files are read: "labels". Whoever
	// reads them says what is not, and options_lack() refuses. NULL: nothing.
	const char *needs;
};

// The offset of `member` in `type`, which does not compile unless the member is an `of`.
#define OPTION_AT(type, member, of) (offsetof(type, member) + _Generic(((type *)0)->member, of : 0))

// An entry ends with where its value goes: { "isa", 0, "ISA", "...", OPTION_TO_TEXT(struct x, isa) }.
#define OPTION_TO_FLAG(type, member) .kind = OPTION_FLAG, .offset = OPTION_AT(type, member, bool)
#define OPTION_TO_TEXT(type, member)                                                               \
	.kind = OPTION_TEXT, .offset = OPTION_AT(type, member, const char *)
#define OPTION_TO_U32(type, member, low, high)                                                     \
	.kind = OPTION_U32, .offset = OPTION_AT(type, member, uint32_t), .min = low, .max = high
#define OPTION_U64_MAX 9007199254740992.0 // 2^53, up to which min and max are exact
#define OPTION_TO_U64(type, member, low, high)                                                     \
	.kind = OPTION_U64, .offset = OPTION_AT(type, member, uint64_t), .min = low, .max = high
#define OPTION_TO_DOUBLE(type, member, low, high)                                                  \
	.kind = OPTION_DOUBLE, .offset = OPTION_AT(type, member, double), .min = low, .max = high
#define OPTION_TO_CHOICE(type, member)                                                             \
	.kind = OPTION_CHOICE, .offset = OPTION_AT(type, member, uint32_t)
#define OPTION_TO_OWN(type, member, function)                                                      \
	.kind = OPTION_OWN, .offset = offsetof(type, member), .parse = function
// The function is handed the whole struct.
#define OPTION_TO_ALL(function) .kind = OPTION_OWN, .parse = function

#define OPTION_ENTRIES_MAX 64 // of a table

// A table, which ends with an entry of zeros, and the struct that it fills. What is not given on
// the command line keeps the value that the caller put there.
struct option_group {
	const struct option_entry *entries; // NULL: none
	void *to;
};

struct options {
	const char *program;  // as the usage names it: "martletd", "martletctl model push"
	const char *synopsis; // what follows it there; NULL: made from the entries
	const char *about;    // the paragraph of --help above the options; NULL: none
	const char *after;    // the paragraph below them; NULL: none
	const char *version;  // printed by --version; NULL: there is no such option
	// The program's own, and those that it shares with others. Only the first may have
	// arguments and entries that are required.
	struct option_group own, shared;
	// What the command line is about, by the struct that `own` filled; an option that is not one of it is refused.
	// NULL, or it gives NULL: all options are right.
	const char *(*kind)(const void *to);
	// [OPTION_ENTRIES_MAX], all false: which of the own entries are given becomes true; NULL: nobody wants to know.
	bool *given;
};

// What options_parse() returns where the command line asks for help or for the version. The rest
// of it is not looked at then.
enum { OPTIONS_HELP = 1, OPTIONS_VERSION };

// Fills the structs of both groups from argv[1] on; argv ends with NULL. `next` NULL: arguments are
// taken as the table says. Otherwise reading ends at the first argument, and *next is its index.
// Returns 0, one of the above, or -EINVAL with a sentence.
int options_parse(const struct options *options, char **argv, int *next, struct error *err);

// Something is not there, and `why`: one of the entries that are `given` and need it is refused, -EINVAL; 0: none does.
int options_lack(const struct option_entry *entries, const bool *given, const char *what,
	const char *why, struct error *err);

// What main() does where options_parse() returned other than 0: prints the help, the version, or
// the refusal and the usage. Returns the exit code, 0 or 2.
int options_end(const struct options *options, int rc, const struct error *err);

// "usage: ...", in as many lines as it takes.
void options_print_usage(const struct options *options, FILE *to);
// One line for each option and argument.
void options_print_entries(const struct options *options, FILE *to);
