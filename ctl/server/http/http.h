// SPDX-License-Identifier: BSD-3-Clause
// What handlers see of a request, and how they reply: JSON, and errors as {"error": "sentence"}. Control
// thread only.
//
// A reply ends the request, which must not be touched afterwards; there must be one, at once or later.
// Where the client has gone meanwhile the reply is thrown away.
#pragma once

#include "base/error.h"
#include "ctl/server/http/method.h"
#include "ctl/server/http/who.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct http_request;

#define HTTP_BODY_BYTES_MAX ((size_t)256 << 20) // of an image

const char *http_reason(int status); // "Not Found"

// The request. Its path is as it came, percent signs and all, without the query.
enum http_method http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);
// What follows the '?' of its target, as it came; "" where there is nothing, as in a call of gRPC.
const char *http_query(const struct http_request *request);
// A header, "" where it is empty; NULL where there is none. `name` in any case.
const char *http_header(const struct http_request *request, const char *name);
size_t http_body_bytes(const struct http_request *request); // announced, before they come
// The body, malloc'ed, 64-byte aligned and zero-terminated, taken out of the request; *size may be
// 0. NULL without memory: the request was replied to.
void *http_take_body(struct http_request *request, size_t *size);

// Who asks, of use until the reply; and from where: http_peer(): "uid 0" or "127.0.0.1", of use until the handler
// returns.
const struct who *http_who(const struct http_request *request);
const char *http_peer(const struct http_request *request);
// Whether it came on a UNIX socket.
bool http_is_local(const struct http_request *request);
// Asked by a connection that came when the service had ended. What others ask was accepted before, and is served.
bool http_is_late(const struct http_request *request);
unsigned http_serves(const struct http_request *request); // enum route_service: its listener

// A header that the reply is to have beside those that it has anyway, in a line of at most 255 bytes.
// Where there is no room for it any more it is left out.
void http_add_header(struct http_request *request, const char *name, const char *value);

// The replies. http_send() sends bytes of a type as they are, http_reply() JSON as
// "application/json", http_fail() {"error": "sentence"}. The first two take `body`.
void http_send(struct http_request *request, int status, const char *type, struct evbuffer *body);
void http_reply(struct http_request *request, int status, json_t *body);
__attribute__((format(printf, 3, 4))) void http_fail(
	struct http_request *request, int status, const char *format, ...);
// A sentence as JSON. Where it is no UTF-8, since it quotes a client or is cut within a character,
// what is not ASCII becomes '?'. NULL without memory.
json_t *http_sentence(const char *text);
// One of the two, as an operation's client wants it: where there is a `refusal` http_fail(), with what `body`
// (NULL: nothing) says beside the error, else http_reply(). `request` is a struct http_request.
void http_finish(void *request, int status, json_t *body, const char *refusal);
