// SPDX-License-Identifier: BSD-3-Clause
// Replies over evhttp: JSON, and errors as {"error": "sentence"}. Control thread only.
//
// A reply ends the request, which must not be touched afterwards. Where the client has gone meanwhile
// the reply is thrown away.
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct evhttp;
struct evbuffer;
struct http_request;
struct event_base;

#define HTTP_HEADERS_BYTES_MAX (16 << 10)
#define HTTP_BODY_BYTES_MAX    ((size_t)256 << 20)
#define HTTP_TIMEOUT_S         60

// An evhttp with our limits and our error pages, bound to nothing yet; NULL without memory.
struct evhttp *http_create(struct event_base *base);

const char *http_reason(int status); // "Not Found"

// A header of the request, "" where it is empty; NULL where there is none. `name` in any case.
const char *http_header(const struct http_request *request, const char *name);
// A header that the reply is to have beside those that it has anyway. Without memory it has not.
void http_add_header(struct http_request *request, const char *name, const char *value);

// The replies. http_send() sends bytes of a type as they are, http_reply() JSON as
// "application/json", http_fail() {"error": "sentence"}. The first two take `body`.
void http_send(struct http_request *request, int status, const char *type, struct evbuffer *body);
void http_reply(struct http_request *request, int status, json_t *body);
__attribute__((format(printf, 3, 4))) void http_fail(
	struct http_request *request, int status, const char *format, ...);
// One of the two, as an operation's client wants it: http_fail() where there is a `refusal`, else
// http_reply(). `request` is a struct http_request.
void http_finish(void *request, int status, json_t *body, const char *refusal);

// Who asks: the user of the process at the other end, as it was when it connected; (uid_t)-1 where
// that cannot be known any more.
uid_t http_uid(struct http_request *request);

// The body, malloc'ed, 64-byte aligned and zero-terminated, taken out of the request; *size may be
// 0. NULL without memory: the request was replied to.
void *http_take_body(struct http_request *request, size_t *size);
