// SPDX-License-Identifier: BSD-3-Clause
// A connection as its files see it: connection.c, which speaks HTTP/1.1, and carry.c, which moves the bytes
// of HTTP/2. Control thread only.
#pragma once

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/shared.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct event;
struct session;

struct connection {
	struct connection_shared *shared;
	struct connection_peer peer;
	void *owner;
	struct bufferevent *bev;
	enum connection_phase phase;
	bool is_advancing; // connection_advance() is at work, and will see whatever is set below
	bool is_over;      // to be destroyed as soon as it is not
	bool is_last;      // no other request is read
	bool has_ended;    // the peer sends no more
	bool is_secured;   // TLS is agreed on
	bool is_http1;     // ... and HTTP/1.1 with it
	uint64_t since_ms, moved_ms;
	struct deadline deadline;     // of the phase
	size_t lingered;              // bytes that came after the last answer
	struct http_request *request; // being read, or handled
	size_t mark;       // of the body, or still to be sent, when the rate was last looked at
	uint32_t answered; // since everything had left
	uint32_t quota;    // requests that may be begun before its next turn
	struct turn turn;
	uint64_t left; // bytes, since the beginning
	// With HTTP/2, instead of a request:
	struct session *session;
	struct event *wake;            // something is to be sent
	bool is_ticking;               // the deadline is the next look at rates
	uint64_t looked_ms, left_mark; // at the output's, last
};

// Zeroed before, but for what it shares, its peer and its owner: makes the bufferevent and the deadline. False
// without memory.
bool connection_open(struct connection *c, void (*expire)(void *arg));
// Frees it, or has it freed by who is at work with it; a request that is being handled stays its handler's.
void connection_end(struct connection *c);
void connection_enter(struct connection *c, enum connection_phase phase);
void connection_end_after(struct connection *c, uint64_t from_ms, uint64_t seconds);
size_t connection_unsent(const struct connection *c);
// Sends what the socket takes at once, and leaves the rest to the bufferevent. Where the peer is gone it is
// over.
void connection_push(struct connection *c);
// What has come is gone on with when it is its turn.
void connection_wait_turn(struct connection *c);
// The last answer has left: waits for the peer to close first.
void connection_linger(struct connection *c);
// Ends it, and throws away what is in the socket of somebody who does not read it.
void connection_give_up(struct connection *c);
