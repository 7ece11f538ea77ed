// SPDX-License-Identifier: BSD-3-Clause
// Who is let in: the connections that an evhttp accepts, and the memory that their requests hold.
// Control thread only.
//
// evhttp 2.1 bounds neither, and where descriptors run out its listener tries again for ever. Here:
// - At most so many connections are open. For a new one beyond that the one is closed that has been
//   silent longest; where none is silent, nobody is accepted until one ends.
// - Where descriptors run out, accepting pauses for a tick at a time.
// - The bodies under way share one bound of memory. What would go beyond it is answered 503.
// Each is said at most once a minute, and counted.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct evhttp;
struct evhttp_request;
struct gate;

struct gate_limits {
	uint32_t connections;
	size_t body_bytes;   // of one request: as http_create() says to evhttp
	size_t bodies_bytes; // of all together, from their first byte to their reply's last
};

struct gate_figures {
	uint32_t connections, connections_max; // open, and the bound in force
	size_t body_bytes, body_bytes_max;     // held by all requests under way
	uint64_t accepted;
	uint64_t closed_silent; // to let a new one in
	uint64_t pauses;        // of accepting
	uint64_t bodies_refused;
};

// Lets `http` accept from `fd`, which listens and becomes the gate's. Where the process may have too
// few descriptors for limits->connections, its soft limit is raised as far as the hard one; where that
// does not do, fewer connections are let in, and a warning says so.
int gate_open(struct event_base *base, struct evhttp *http, int fd,
	const struct gate_limits *limits, struct gate **out, struct error *err);
// After evhttp_free(). NULL is fine.
void gate_close(struct gate *gate);
// To be called now and then (100 ms): ends a pause where it can be ended.
void gate_tick(struct gate *gate);
void gate_figures(const struct gate *gate, struct gate_figures *figures);

// A request is complete, and its reply is being made: until that is sent its connection is not
// silent, and its body counts.
void gate_enter(struct gate *gate, struct evhttp_request *request);

// Whether a request that evhttp refuses as too large is so only because of what others hold: then
// true, and a sentence for the client. Any gate's.
bool gate_is_full(struct evhttp_request *request, struct error *err);
