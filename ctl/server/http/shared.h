// SPDX-License-Identifier: BSD-3-Clause
// What all connections of a server share, who is at the other end of one, and what it does: the same for
// HTTP/1.1 and HTTP/2. Control thread only.
#pragma once

#include "ctl/server/http/bound.h"
#include "ctl/server/http/gate_address.h"
#include "ctl/server/http/refusal.h"
#include "ctl/server/http/request.h"
#include "ctl/server/http/turn.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct stream_service;

#define CONNECTION_RATE_SECONDS 5 // over which the least rate is looked at

struct connection_limits {
	uint32_t head_bytes;
	uint32_t
		head_seconds; // from a header's first byte, and a connection's beginning, to its last
	uint32_t idle_seconds; // between requests
	uint32_t
		bytes_per_second; // of a body that is read, or an answer that is sent, at the least
	uint32_t pipeline;        // requests answered before the first of the answers has left
	// Of HTTP/2: requests of a connection at a time; how many a second a peer may break off, or have
	// broken off by its mistakes.
	uint32_t streams;
	uint32_t resets_per_second;
};

// What all connections of a server share.
struct connection_shared {
	struct event_base *base;
	struct connection_limits limits;
	// Held by bodies from their first byte to the reply, and by answers until they have left, together.
	struct bound bound;
	struct turns
		turns; // of connections that have more requests waiting than are begun at a time
	uint64_t refused[REFUSAL_COUNT];
	bool says_close;  // with HTTP/1.1 every answer is its connection's last
	bool is_draining; // likewise; HTTP/2 is drained, and who connects comes too late
	// The header is complete of a request whose body is large, or that asks whether to send it. False: it
	// was replied to, and its body is not read. NULL: all bodies are.
	bool (*on_head)(void *arg, struct http_request *request);
	// A request is complete: it is replied to through http.h, now or later.
	void (*on_request)(void *arg, struct http_request *request);
	void *arg;
	// Takes the streams of HTTP/2 that are no requests for on_request(); NULL: they all are.
	const struct stream_service *service;
	void *service_arg;
	// Of the connection whose `owner` is given: it began to do something else; TLS is agreed on; it is gone.
	void (*on_phase)(void *owner);
	void (*on_secured)(void *owner);
	void (*on_end)(void *owner);
};

struct connection_peer {
	int fd;           // becomes the connection's, also where there is no memory for one
	SSL *ssl;         // likewise; NULL: without TLS
	bool is_local;    // a UNIX socket
	bool is_loopback; // TCP from this machine
	bool is_late;     // it came when the service had ended
	struct gate_address address;
	// What its listener is for, the most that anybody may there, and whether who has no credential may nothing.
	unsigned serves;
	enum role role_max;
	bool needs_credential;
	// Who it is, by the user or the certificate. access/ keeps it, and what it holds for.
	struct who who;
	uint32_t identified;
	int64_t until;
	size_t body_bytes;             // of a request, at most
	char text[REQUEST_PEER_BYTES]; // "uid 0", "127.0.0.1"
};

// Says of a request that is new who asks it, as far as the connection is known.
void shared_introduce(struct connection_peer *peer, struct http_request *request);

enum connection_phase {
	CONNECTION_NEW,      // nothing was asked yet
	CONNECTION_IDLE,     // ... since the last answer has left
	CONNECTION_HEAD,     // some of a header has come
	CONNECTION_BODY,     // some of a body is still to come
	CONNECTION_HANDLING, // a request has no answer yet
	CONNECTION_WRITING,  // it has, which is not taken yet
	CONNECTION_LINGERING // that was the last: waits for the peer to close
};
