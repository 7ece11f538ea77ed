// SPDX-License-Identifier: BSD-3-Clause
// JSON bodies of requests, read strictly: unknown keys and wrong types are refused.
#pragma once

#include "base/error.h"
#include "base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY_JSON_BYTES_MAX (64 << 10)

struct http_request;

struct body_deployment { // PUT /v1/models/M/deployment
	uint16_t id;     // 0: left out
	uint16_t live;
	bool force; // also a version of another shape, other labels or other names
};
int body_deployment_parse(
	const char *text, size_t size, struct body_deployment *body, struct error *err);

struct body_index { // POST /v2/repository/index
	int ready;  // 1: only what is READY
};
// An empty body is fine.
int body_index_parse(const char *text, size_t size, struct body_index *body, struct error *err);

struct body_log { // PUT /v1/log
	char level[16];
};
int body_log_parse(const char *text, size_t size, struct body_log *body, struct error *err);

struct body_logging { // POST /v2/logging: what is left out is -1
	int info, warning, error, verbose_level;
};
// The protocol's log_file, log_format and what is not known are passed over, where they are null, empty or
// "default": nothing else can be had.
int body_logging_parse(const char *text, size_t size, struct body_logging *body, struct error *err);

// POST /v2/repository/models/M/load and unload: empty, or "parameters" that change nothing:
// "unload_dependents". Models by the way are pushed.
int body_repository_parse(const char *text, size_t size, struct error *err);

struct body_announce {                 // POST /v1/announce
	char port[NAME_BYTES_MAX + 1]; // "": every one
};
// An empty body is fine.
int body_announce_parse(
	const char *text, size_t size, struct body_announce *body, struct error *err);

// Bodies that must hold nothing: none at all, or {}.
int body_empty_parse(const char *text, size_t size, struct error *err);
// True where the request's body is what parse() takes. Otherwise the client was replied to.
bool body_fits(struct http_request *request,
	int (*parse)(const char *text, size_t size, struct error *err));
// True where the request has no body, as it must. Otherwise the client was replied to.
bool body_is_empty(struct http_request *request);
