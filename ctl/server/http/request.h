// SPDX-License-Identifier: BSD-3-Clause
// A request that is complete, from the connection that read it to the reply that ends it. For http/'s
// own files; handlers use http.h. Control thread only.
#pragma once

#include "ctl/server/http/bound.h"
#include "ctl/server/http/parser.h"
#include "ctl/server/http/who.h"

#define REQUEST_HEADERS_BYTES 512 // of the reply's headers that a handler adds
#define REQUEST_PEER_BYTES    64

struct connection_peer;
struct evbuffer;
struct http_request;

struct http_response {
	int status;
	const char *type; // Content-Type
	// The body: a buffer, which becomes the callee's, or text[bytes], which stays the caller's.
	struct evbuffer *buffer;
	const char *text;
	size_t bytes;
};

struct http_request {
	struct parser head;
	char *text; // the head's bytes, with a zero behind its path and each of its fields' values
	char *body; // malloc'ed, 64-byte aligned, with a zero behind its last byte; NULL: none
	size_t body_bytes;
	size_t got; // of the body's bytes
	// Which are held of this, wherever the body is, until request_destroy().
	struct bound_share share;
	// Who asks, and in which role; access/ says so before there is a handler.
	struct who who;
	bool is_late;    // by a connection that came when the service had ended
	unsigned serves; // enum route_service: what the listener is for
	const char *peer;
	struct connection_peer *from; // the connection's; NULL: a call of gRPC made the request
	// Who sends the reply, and by what it goes; NULL once that is gone. respond() frees the request.
	void (*respond)(struct http_request *request, const struct http_response *response);
	void *stream;
	void *audited; // whose respond() stands before that one, until it is called; NULL: nobody's
	char headers[REQUEST_HEADERS_BYTES]; // "Allow: GET\r\n"
	size_t header_bytes;
};

struct http_request *request_create(void);          // zeroed; NULL without memory
void request_destroy(struct http_request *request); // NULL is fine
// Goes on reading request->head, for which parser_begin() was called, from what has come. 1: it is complete,
// and taken from `input`; 0: more must come; -1: refused, with a sentence.
int request_read_head(
	struct http_request *request, struct evbuffer *input, enum refusal *why, struct error *err);
// Room for a body, which is still to be filled. Memory that no byte has come for is not taken from the
// machine yet. False without memory.
bool request_make_body(struct http_request *request, size_t bytes);
