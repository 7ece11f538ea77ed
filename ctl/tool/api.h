// SPDX-License-Identifier: BSD-3-Clause
// Requests to martletd's HTTP API, over its UNIX socket or to a URL, and what came back. The server may be
// anything: answers are bounded, redirects not followed, certificates checked.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct api_reply {
	char *text; // the body as it came, NUL-terminated
	size_t size;
	json_t *json; // the same, parsed; NULL where it is no JSON
};

// What an answer's headers said; empty or 0 where they did not.
struct api_headers {
	char etag[128], location[256];
	unsigned retry_after_s;
	bool has_json_bytes;
	size_t json_bytes; // Inference-Header-Content-Length
};

// Sends `body`, which stays the caller's, as JSON; NULL: no body. Returns true where the answer is
// 2xx and JSON; api_reply_fini() then frees it. Otherwise prints why not, in the server's own words
// where it gave any, and returns false.
bool api_call(const char *method, const char *path, json_t *body, struct api_reply *reply);
// The same, done only where the deployment is still at that revision (If-Match); 0: whichever it is at.
bool api_change(const char *method, const char *path, json_t *body, uint64_t revision,
	struct api_reply *reply);
// The same as api_call() for a PUT of a file, with progress on a terminal. `header`: a line more of the request's; NULL:
// none.
bool api_upload(const char *path, const char *file, const char *header, struct api_reply *reply);
// The same for a POST of bytes of that type; the answer need be no JSON. What the server notes about
// them is printed on stderr.
bool api_post(const char *path, const char *type, const void *bytes, size_t size,
	struct api_reply *reply);
// The same by any method, done only where what it changes has still that ETag; NULL: whichever it has. The
// answer must be JSON.
bool api_send(const char *method, const char *path, const char *etag, const char *type,
	const void *bytes, size_t size, struct api_reply *reply);
// GETs what is no JSON and may be long: an answer of 2xx goes to `to`. False: refused, and said.
bool api_download(const char *path, FILE *to, struct api_headers *headers);
// POSTs a request of the Open Inference Protocol, whose first `json_bytes` bytes are JSON and the rest
// tensors. True: there was a whole answer, of whatever status, and api_reply_fini() frees it. False: there was
// none, and that was said.
bool api_infer(const char *path, const void *bytes, size_t size, size_t json_bytes,
	struct api_reply *reply, struct api_headers *headers, long *status);
void api_reply_fini(struct api_reply *reply);

// With --json: prints the answer as it came and returns true.
bool api_print_json(const struct api_reply *reply);
// GETs `path` and prints the answer: as it came with --json, otherwise by `print`. Returns an enum
// tool_exit.
int api_show(const char *path, void (*print)(const json_t *answer));

// Members of a JSON object; "-" and 0 where there is no such member.
const char *api_text(const json_t *object, const char *key);
uint64_t api_count(const json_t *object, const char *key);
// A string, number or boolean as text; "-" for anything else. `buffer` is used for numbers.
const char *api_value(const json_t *value, char buffer[32]);
