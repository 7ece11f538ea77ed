// SPDX-License-Identifier: BSD-3-Clause
// A connection's streams as their files see them: session.c has the frames, stream_life.c their beginning and
// end, stream_take.c what comes, stream.c what goes.
#pragma once

#include "ctl/server/http/shared.h"

#include <nghttp2/nghttp2.h>
#include <sys/queue.h>

struct evbuffer;

LIST_HEAD(stream_list, stream);

struct streams { // of one connection
	struct connection_shared *shared;
	struct connection_peer *peer;
	nghttp2_session *h2;
	struct stream_list all;
	uint32_t n;
	bool is_draining;
	// There is something to be sent, which was not asked for by a frame that is being read.
	void (*wake)(void *session);
	void *session;
};

struct stream {
	LIST_ENTRY(stream) next;
	struct streams *of;
	int32_t id;
	struct http_request *request; // NULL: it was replied to, and is gone
	// The header, while it comes, as HTTP/1.1 has it: parser.h then judges it by the same rules.
	struct evbuffer *head;
	char *method, *path, *authority;
	size_t head_bytes; // as RFC 9113, 6.5.2, counts them
	bool has_head;     // it is complete
	bool has_ended;    // the request is
	bool is_handled;   // a handler has the request
	bool is_service;
	bool is_patient;
	// The answer.
	bool is_answered; // its header is on its way
	bool is_finished; // nothing more is to be sent than `out` and the trailers
	bool is_deferred; // nghttp2 waits for bytes
	bool has_left;    // the answer as a whole
	bool is_reset;    // asked for
	struct evbuffer *out;
	struct bound_share out_share;
	nghttp2_nv *trailers; // one piece of memory with their texts
	size_t n_trailers;
	size_t room;       // of the request's body
	size_t unconsumed; // bytes of the window that are to be given back
	// What came and left in all, and had when the rates were last looked at.
	uint64_t came, left, came_mark, left_mark, looked_ms;
	uint64_t left_ms; // when the answer had left
	void *owner;      // the service's
};

// stream.c's: how a request is replied to, and that there is something to be sent.
void stream_respond(struct http_request *request, const struct http_response *response);
void stream_wake(const struct stream *s);
