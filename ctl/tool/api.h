// SPDX-License-Identifier: BSD-3-Clause
// One request to martletd's HTTP API over its UNIX socket, and what came back.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_reply {
	char *text; // the body as it came, NUL-terminated
	size_t size;
	json_t *json; // the same, parsed
};

// Sends `body` as JSON (borrowed; NULL: no body). True where the answer is 2xx and JSON. False
// after saying why not: the server's own words where it gave some.
bool api_call(const char *method, const char *path, json_t *body, struct api_reply *reply);
// PUTs a file, with progress on a terminal.
bool api_upload(const char *path, const char *file, struct api_reply *reply);
void api_reply_fini(struct api_reply *reply);

// With --json: prints the answer as it came and returns true.
bool api_print_json(const struct api_reply *reply);
// GETs `path` and prints the answer: as it came with --json, otherwise by `print`. Returns an enum
// tool_exit.
int api_show(const char *path, void (*print)(const json_t *answer));

// Members of a JSON object, tolerant of what is missing: "-", 0, false, an empty array.
const char *json_text(const json_t *object, const char *key);
uint64_t json_count(const json_t *object, const char *key);
// A number or string as text, "-" where it is null or missing. `buffer` is used for numbers.
const char *json_show(const json_t *value, char buffer[32]);
