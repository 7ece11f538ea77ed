// SPDX-License-Identifier: BSD-3-Clause
// A stream of HTTP/2 as a service sees it that is more than a request and its reply, gRPC say: bytes come
// while it lasts, messages go, and trailers end it. Control thread only.
//
// Which streams are a service's: POST, with a Content-Type that stream_type_fits(). All others are requests
// for the routes.
//
// A stream is the service's from on_open() to on_close(), which comes once for each of them, whatever ended
// it, and never from within a function of this file. After it the stream is gone; before it each function
// here may be called, from the callbacks as well, also after the stream's end was asked for: what no longer
// matters does nothing.
#pragma once

#include "ctl/server/http/bound.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct http_request;
struct stream;

// How a stream is reset (RFC 9113, 7).
enum stream_reset {
	STREAM_NO_ERROR = 0x0,
	STREAM_INTERNAL_ERROR = 0x2,
	STREAM_REFUSED = 0x7, // nothing of it was done: it may be asked again
	STREAM_CANCEL = 0x8,
	STREAM_CALM = 0xb // the peer asks too much
};

struct stream_field { // of a header or of trailers: the name in lower case; copied
	const char *name, *value;
};

struct stream_service {
	// The request's header is complete; stream_request() has it. More is to come, or on_end().
	void (*on_open)(void *arg, struct stream *stream);
	// Bytes of the request's body came. As many more come only as are given back with stream_consume(),
	// beyond the window, 1 MiB of each stream.
	void (*on_data)(struct stream *stream, const uint8_t *data, size_t bytes);
	void (*on_end)(struct stream *stream); // the request is complete
	// All that was sent so far has been taken: there is room for more. NULL: of no matter.
	void (*on_drain)(struct stream *stream);
	// The connection is to end: a stream that may last for ever should. NULL: none does.
	void (*on_shutdown)(struct stream *stream);
	// is_cancelled: the peer, or a limit, ended it before the answer had left as a whole.
	void (*on_close)(struct stream *stream, bool is_cancelled);
};

// "application/grpc" or "application/grpc+proto", with parameters or without. Of NULL: false.
bool stream_type_fits(const char *type);

// The request, for what http.h reads of one: http_method(), http_path(), http_header(), http_peer(),
// http_who(), http_serves(). It has no body, is not to be replied to, and lasts as long
// as the stream.
struct http_request *stream_request(const struct stream *stream);
size_t stream_body_bytes_max(const struct stream *stream); // of the request, as the listener has it
void stream_set_owner(struct stream *stream, void *owner);
void *stream_owner(const struct stream *stream);

// Gives bytes of the window back, after they were taken.
void stream_consume(struct stream *stream, size_t bytes);
// A share of the memory that all requests hold together, 0 of it taken: for the owner's buffers. It may
// outlive the stream.
struct bound_share stream_share(const struct stream *stream);
// Whether the peer may be silent although its request has no end: between the messages of a stream of them.
// False to begin with: its bytes must come at the least rate, or the stream is reset.
void stream_set_patient(struct stream *stream, bool is_patient);

// The answer: its header, with ":status" 200; bytes; its end, with trailers. Without a header before them
// stream_finish()'s fields are the answer's only ones, also with ":status" 200 ("trailers only"). A request
// that still comes then is stopped without an error.
void stream_answer(struct stream *stream, const struct stream_field *fields, size_t n);
void stream_send(struct stream *stream, struct evbuffer *bytes); // takes what is in it
void stream_finish(struct stream *stream, const struct stream_field *fields, size_t n);
size_t stream_unsent(const struct stream *stream); // bytes that wait for the peer
void stream_reset(struct stream *stream, enum stream_reset why);
// Whether the connection takes no new streams.
bool stream_is_draining(const struct stream *stream);
