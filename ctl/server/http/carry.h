// SPDX-License-Identifier: BSD-3-Clause
// Moves the bytes of a connection that speaks HTTP/2 between its socket and its session. Control thread
// only.
#pragma once

struct connection;
struct evbuffer;

#define CARRY_REQUESTS 4 // begun of what has just come, before others have their turn

enum carry_speech { CARRY_HTTP1, CARRY_HTTP2, CARRY_UNKNOWN };

// What the first bytes say; CARRY_UNKNOWN: more must come.
enum carry_speech carry_judge(struct evbuffer *input);
// The connection speaks HTTP/2 from here on. Without memory it is over.
void carry_begin(struct connection *c);
// Bytes have come, have left, or are to be sent. May end the connection.
void carry(struct connection *c);
void carry_end(struct connection *c); // the peer sends no more
// The connection's deadline.
void carry_on_deadline(struct connection *c);
