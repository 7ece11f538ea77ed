// SPDX-License-Identifier: BSD-3-Clause
// A connection that speaks HTTP/2 (RFC 9113), by libnghttp2: frames in, frames out, and between them the
// streams, each of which is a request for the routes or for a service. It knows nothing of sockets:
// connection.c moves its bytes. Control thread only.
//
// Beside what stream_life.c looks after, a peer may send so many frames a second that ask for nothing (PING,
// SETTINGS, empty DATA, ...), break so many requests off, and open so many at a time. Whoever goes beyond is told so
// by GOAWAY, and the connection ends.
#pragma once

#include "ctl/server/http/shared.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct session;

#define SESSION_PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // what its first bytes are
#define SESSION_PREFACE_BYTES 24

// `wake` is called when there is something to be sent that session_read() was not the cause of; not from
// within this file's functions alone, so that it should only note it. NULL without memory.
struct session *session_create(struct connection_shared *shared, struct connection_peer *peer,
	void (*wake)(void *arg), void *arg);
// Streams are closed; what their handlers reply later is thrown away.
void session_destroy(struct session *session);

// Takes what has come, up to about *quota requests, which becomes less by those. False: some of it is left.
bool session_read(struct session *session, struct evbuffer *input, uint32_t *quota);
// Adds what can be sent to `output`, up to some bytes there. False: no more will ever come, so that the
// connection ends when all of it has left.
bool session_write(struct session *session, struct evbuffer *output);
// The peer sends no more: requests that are not complete are given up.
void session_end(struct session *session);

// Told to begin nothing more: streams that the peer has opened by the time it knows are served. After a
// round trip, or DRAIN_MS, it is said which was the last.
void session_drain(struct session *session);
// Looks after times and rates; to be called once a second while session_phase() is neither NEW nor IDLE
// or session_has_streams().
void session_look(struct session *session);
// Ends it with a GOAWAY: no error, or that the peer asks too much, counted under `why`.
void session_stop(struct session *session);
void session_refuse(struct session *session, enum refusal why);

enum connection_phase session_phase(const struct session *session);
bool session_has_streams(const struct session *session);
