// SPDX-License-Identifier: BSD-3-Clause
// What every command of martletctl shares: the global options, exit codes, how it refuses, and the
// commands themselves. One thread; the process is short-lived.
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tool_exit {
	TOOL_DONE = 0,
	TOOL_REFUSED = 1, // refused or failed
	TOOL_USAGE = 2,
};

// A command: "model push" with `run` called with argv from the noun on (argv[0] "model",
// argv[1] "push", then the arguments). It returns an enum tool_exit.
struct command {
	const char *words;     // "status" or "model push"
	const char *arguments; // as in the usage line
	const char *summary;
	int (*run)(int argc, char **argv);
};

// Set by main() and by the options that every command takes (args.h); read by the commands.
struct tool {
	const char *socket;            // of martletd's API
	bool json;                     // --json: print JSON instead of text
	const struct command *command; // the one that runs
};
extern struct tool tool;

#define TOOL_SOCKET_DEFAULT "/run/martlet/martlet.sock"

// Says on stderr what was refused, and hands TOOL_REFUSED back. Control characters, which a foreign
// file's names may hold, come out as '?'.
__attribute__((format(printf, 1, 2))) int tool_refuse(const char *format, ...);
// The same for a wrong command line, with the command's usage; hands TOOL_USAGE back.
__attribute__((format(printf, 1, 2))) int tool_misused(const char *format, ...);
// Prints a JSON value on stdout, indented, and lets go of it. TOOL_DONE or TOOL_REFUSED.
int tool_print_json(json_t *value);
// A string for people from bytes that may be anything: control bytes become '?'. In place.
void tool_clean(char *text);
// The same, as far as it fits `to`.
void tool_copy_clean(char *to, size_t size, const char *text);

// --- The commands, one file a noun (or a verb, where a noun has many) ----------------------------

int status_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int stats_command(int argc, char **argv);
int drops_command(int argc, char **argv);
int ports_command(int argc, char **argv);
int lcores_command(int argc, char **argv);
int latency_command(int argc, char **argv);
int flow_command(int argc, char **argv);
int model_compile_command(int argc, char **argv);
int model_inspect_command(int argc, char **argv);
int model_bench_command(int argc, char **argv);
int model_run_command(int argc, char **argv);
int model_push_command(int argc, char **argv);
int model_list_command(int argc, char **argv);
int model_show_command(int argc, char **argv);
int model_promote_command(int argc, char **argv);
int model_rollback_command(int argc, char **argv);
int model_unload_command(int argc, char **argv);
int model_load_command(int argc, char **argv);
int model_delete_command(int argc, char **argv);
