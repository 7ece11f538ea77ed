// SPDX-License-Identifier: BSD-3-Clause
// What every command of martletctl shares: the options that all of them take, the exit codes, and
// how it refuses. One thread; the process is short-lived.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tool_exit {
	TOOL_DONE = 0,
	TOOL_REFUSED = 1,       // refused or failed
	TOOL_USAGE = 2,         // wrong command line
	TOOL_BROKEN = 3,        // model replay: a bound that was given is broken
	TOOL_INTERRUPTED = 130, // by SIGINT or SIGTERM, and nothing is half-written
};

#define TOOL_SOCKET_DEFAULT "/run/martlet/martlet.sock"
// A file has at most 1 GiB and its graph 3 GiB (infer/graph/graph.h): honest models take less.
#define TOOL_PARSE_MEGABYTES 8192
#define TOOL_PARSE_SECONDS   900

// All but the last two are written while the command line is read and constant after it.
struct tool {
	const char *socket; // of martletd's API; or its https://HOST:PORT or http://HOST:PORT
	// For the latter, files; NULL: none.
	const char *ca, *client_cert, *client_key, *token_file;
	bool json;                               // print JSON instead of text
	bool no_sandbox;                         // read foreign models in this process
	uint32_t parse_megabytes, parse_seconds; // else the child's limits
	bool refused;                            // tool_refuse() was called
	bool quiet; // it says nothing and refuses nothing: of a call that may fail
};
extern struct tool tool;

// Prints on stderr what was refused, and returns TOOL_REFUSED; after it main() never returns
// TOOL_DONE, whatever the command does. Control characters, which a foreign file's names may hold,
// come out as '?'.
__attribute__((format(printf, 1, 2))) int tool_refuse(const char *format, ...);
// Whether libsodium can be used, which is to be asked before it is. False: no, and that was said.
bool tool_has_sodium(void);
// Prints on stderr what the user should know of what is done. Control characters as above.
__attribute__((format(printf, 1, 2))) void tool_note(const char *format, ...);
// Prints a JSON value on stdout, indented, and gives up the reference to it. TOOL_DONE or
// TOOL_REFUSED.
int tool_print_json(json_t *value);
// The same, with the digits that make a number of 64 bits the same again, where the former has those of 32.
int tool_print_json_doubles(json_t *value);
// Makes text for people of bytes that may be anything: control bytes become '?'. In place.
void tool_clean(char *text);
// The same, as much of `text` as fits into `to`.
void tool_copy_clean(char *to, size_t size, const char *text);
