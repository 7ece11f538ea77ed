// SPDX-License-Identifier: BSD-3-Clause
// JSON bodies of requests, read strictly: unknown keys and wrong types are refused.
#pragma once

#include "base/bounds.h"
#include "base/error.h"
#include "base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY_JSON_BYTES_MAX (64 << 10)

struct http_request;

// text[size] into the struct that `body` points to. 0, or a negative errno and a sentence.
typedef int body_parser(const char *text, size_t size, void *body, struct error *err);

#define BODY_PINNED_MAX 4

struct body_deployment { // PUT /v1/models/M/deployment: what is left out stays as it is
	uint16_t id;     // 0: left out
	uint16_t live;   // 0: left out
	bool force;      // also a version of another shape, other labels or other names
	// null is version 0, an empty list, the key "": none.
	bool has_canary, has_permille, has_key, has_bounds, has_shadow, has_pinned;
	uint16_t canary, permille, shadow, pinned[BODY_PINNED_MAX];
	uint32_t n_pinned;
	char key[NAME_BYTES_MAX + 1]; // a feature's name or index; "": the request's id
	struct bounds bounds;         // null: none is given
};
body_parser body_deployment_parse;

struct body_rollback { // POST /v1/models/M/rollback
	uint16_t to;   // a version that was live; 0: the one before this one
};
body_parser body_rollback_parse; // an empty body is fine

struct body_retention { // PUT /v1/models/M/retention
	char text[24];  // "latest 5"; "": null, as the configuration says
};
body_parser body_retention_parse;

struct body_index { // POST /v2/repository/index
	int ready;  // 1: only what is READY
};
body_parser body_index_parse; // an empty body is fine

struct body_log { // PUT /v1/log
	char level[16];
};
body_parser body_log_parse;

struct body_logging { // POST /v2/logging: what is left out is -1
	int info, warning, error, verbose_level;
};
// The protocol's log_file, log_format and what is not known are passed over, where they are null, empty or
// "default": nothing else can be had.
body_parser body_logging_parse;

struct body_announce {                 // POST /v1/announce
	char port[NAME_BYTES_MAX + 1]; // "": every one
};
body_parser body_announce_parse; // an empty body is fine

struct body_drain { // POST /v1/drain
	bool now;   // without the rest of the grace
};
body_parser body_drain_parse; // an empty body is fine

// Those of which nothing is kept; `body` may be NULL.
// POST /v2/repository/models/M/load and unload: empty, or "parameters" that change nothing:
// "unload_dependents". Models by the way are pushed.
body_parser body_repository_parse;
// What must hold nothing: none at all, or {}.
body_parser body_empty_parse;

// True where the request's body is what parse() takes, into `body`. Otherwise the client was replied to.
bool body_read(struct http_request *request, body_parser *parse, void *body);
// Of a body that has not come yet: whether it is small enough to be JSON. Likewise.
bool body_is_small(struct http_request *request);
// True where the request has no body, as it must. Otherwise the client was replied to.
bool body_is_empty(struct http_request *request);
