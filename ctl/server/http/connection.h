// SPDX-License-Identifier: BSD-3-Clause
// One connection of HTTP/1.1: requests are read one after the other, each is given to on_request() and
// answered before the next one is. Control thread only.
//
// Nothing of it can last for ever: a header has a time to be complete, a body and an answer must move so
// many bytes in each RATE_SECONDS, silence between requests ends. A peer that does not take its answers
// is read no further. Whoever breaks a rule of HTTP is answered with JSON and closed.
//
// A second protocol has its place where its bufferevent is connected (connection_on_event()), when what
// TLS agreed on is known (tls_choose_protocol() has the names), and where the first bytes come
// (connection_begin_request()): its file takes the bufferevent from there. It makes a struct http_request
// of each of its streams, whose respond() is its own, so that handlers see no difference.
#pragma once

#include "ctl/server/http/bound.h"
#include "ctl/server/http/refusal.h"
#include "ctl/server/http/request.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

struct connection;
struct event_base;

#define CONNECTION_RATE_SECONDS 5 // over which the least rate is looked at

struct connection_limits {
	uint32_t head_bytes;
	uint32_t
		head_seconds; // from a header's first byte, and a connection's beginning, to its last
	uint32_t idle_seconds; // between requests
	uint32_t
		bytes_per_second; // of a body that is read, or an answer that is sent, at the least
	uint32_t pipeline;        // requests answered before the first of the answers has left
};

// What all connections of a server share.
struct connection_shared {
	struct event_base *base;
	struct connection_limits limits;
	// Held by bodies from their first byte to the reply, and by answers until they have left, together.
	struct bound bound;
	uint64_t refused[REFUSAL_COUNT];
	bool is_draining; // every answer is its connection's last
	// The header is complete of a request whose body is large, or that asks whether to send it. False: it
	// was replied to, and its body is not read. NULL: all bodies are.
	bool (*on_head)(void *arg, struct http_request *request);
	// A request is complete: it is replied to through http.h, now or later.
	void (*on_request)(void *arg, struct http_request *request);
	void *arg;
	// Of the connection whose `owner` is given: it began to do something else; it is gone.
	void (*on_phase)(void *owner);
	void (*on_end)(void *owner);
};

struct connection_peer {
	int fd;        // becomes the connection's, also where there is no memory for one
	SSL *ssl;      // likewise; NULL: without TLS
	uid_t uid;     // on a UNIX socket; else (uid_t)-1
	bool is_local; // a UNIX socket
	bool is_admitted;
	unsigned serves;
	size_t body_bytes;             // of a request, at most
	char text[REQUEST_PEER_BYTES]; // "uid 0", "127.0.0.1"
};

enum connection_phase {
	CONNECTION_NEW,      // nothing has come yet
	CONNECTION_IDLE,     // ... since the last answer has left
	CONNECTION_HEAD,     // some of a header has come
	CONNECTION_BODY,     // some of a body is still to come
	CONNECTION_HANDLING, // a request has no answer yet
	CONNECTION_WRITING,  // it has, which is not taken yet
	CONNECTION_LINGERING // that was the last: waits for the peer to close
};

// NULL without memory.
struct connection *connection_create(
	struct connection_shared *shared, const struct connection_peer *peer, void *owner);
// Ends it at once; a request that is being handled stays its handler's. Counted under `why`. Not to be
// called from within on_request().
void connection_close(struct connection *connection, enum refusal why);
void connection_destroy(struct connection *connection); // the same, not counted

enum connection_phase connection_phase(const struct connection *connection);
// When its phase began, and when bytes were last seen to come or go (deadline_now_ms()).
uint64_t connection_since_ms(const struct connection *connection);
uint64_t connection_moved_ms(const struct connection *connection);
