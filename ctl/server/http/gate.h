// SPDX-License-Identifier: BSD-3-Clause
// Who is let in: the connections of all listeners, and the memory that their requests hold. Control
// thread only.
//
// - At most so many connections are open, and from one address. For a new one beyond that one is closed
//   that is silent or slow: first who never asked anything, then whose request or answer does not come
//   on, then who may ask again; of these the one that has been so longest. Everybody has a moment to ask,
//   but not where his address has several connections. Where there is none to close, nobody is
//   accepted until one ends; of an address that has its share, another is answered 429.
// - An eighth of the connections is kept for UNIX sockets: peers over a network cannot keep the operator
//   out.
// - Each address begins so many handshakes of TLS a second, and no others are read; so many are under way in
//   all. For a new one beyond that the oldest is closed that is slow: of an address with few connections it
//   has a second. Where there is none to close, those who come wait.
// - Where descriptors run out, accepting pauses for a tick at a time.
// - The bodies under way share one bound of memory. What would go beyond it is answered 503.
// Each is said at most once a minute, and counted.
#pragma once

#include "base/error.h"
#include "ctl/server/http/gate_limits.h"
#include "ctl/server/http/refusal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;

struct gate_figures {
	uint32_t connections, connections_max; // open, and the bound in force
	size_t body_bytes, body_bytes_max;     // held by all requests under way
	uint64_t accepted;
	uint64_t pauses; // of accepting
	uint64_t refused[REFUSAL_COUNT];
};

// Where the process may have too few descriptors for limits->connections, its soft limit is raised as
// far as the hard one; where that does not do, fewer connections are let in, and a warning says so.
// `on_head` and `on_request`: struct connection_shared has what they are.
int gate_create(struct event_base *base, const struct gate_limits *limits,
	bool (*on_head)(void *arg, struct http_request *request),
	void (*on_request)(void *arg, struct http_request *request), void *arg, struct gate **out,
	struct error *err);
// Closes all connections and doors. NULL is fine.
void gate_destroy(struct gate *gate);
// Accepts from a socket from here on; it is closed where that fails.
int gate_open(struct gate *gate, const struct gate_door *door, struct error *err);
// A door, known by its socket, gets another mask of services, bound of bodies, roles and TLS, the last one for the
// connections to come.
void gate_change(struct gate *gate, const struct gate_door *door);
// Closes a door; its connections end with their next answer, those that wait for a request at once.
void gate_close(struct gate *gate, int fd);
// Other limits, from here on. More connections than before may take descriptors that this process does not
// get: gate_create() has what is said then.
void gate_limit(struct gate *gate, const struct gate_limits *limits);
// To be called now and then (100 ms): ends a pause where it can be ended.
void gate_tick(struct gate *gate);
// Gives streams of HTTP/2 to a service (stream.h says which), which outlives the gate. Before the first
// connection.
void gate_serve_streams(struct gate *gate, const struct stream_service *service, void *arg);
// From here on every answer over HTTP/1.1 is the last one of its connection.
void gate_say_close(struct gate *gate);
// Likewise, and HTTP/2 is drained. Connections that come later are answered all the same, and what they ask is
// known as late: http_is_late().
void gate_drain(struct gate *gate);
// The connections of which a request is coming or being handled, or an answer has not left yet. Of those that
// are late nobody waits for what comes.
uint32_t gate_busy(const struct gate *gate);
// Ends the connections that wait for a request. False where one of them has sent some of it: the event
// loop's next turn will read that.
bool gate_part(struct gate *gate);
// A refusal that is a handler's or a route's: counted with the others.
void gate_count(struct gate *gate, enum refusal refusal);
// REFUSAL_FORBIDDEN: counted, and said of the first one, `who` at `peer`, in a minute.
void gate_count_forbidden(struct gate *gate, const char *peer, const char *who);
void gate_figures(const struct gate *gate, struct gate_figures *figures);
