// SPDX-License-Identifier: BSD-3-Clause
// One connection. With HTTP/1.1 requests are read one after the other, each is given to on_request() and
// answered before the next one is. Control thread only.
//
// Nothing of it can last for ever: a header has a time to be complete, a body and an answer must move so
// many bytes in each RATE_SECONDS, silence between requests ends. A peer that does not take its answers
// is read no further. Whoever breaks a rule of HTTP is answered with JSON and closed.
//
// HTTP/2 takes over where TLS agreed on it, and where the first bytes are its preface: session.h has it
// then, and the connection moves its bytes.
#pragma once

#include "ctl/server/http/shared.h"

#include <stdint.h>

struct connection;

// NULL without memory.
struct connection *connection_create(
	struct connection_shared *shared, const struct connection_peer *peer, void *owner);
// Ends it at once; a request that is being handled stays its handler's. Counted under `why`. Not to be
// called from within on_request().
void connection_close(struct connection *connection, enum refusal why);
void connection_destroy(struct connection *connection); // the same, not counted

// Its door is for other services from its next request on, and there are other roles.
void connection_change(
	struct connection *connection, unsigned serves, enum role role_max, bool needs_credential);
// Its next answer is its last, and where it waits for a request it ends at once; HTTP/2 is drained.
void connection_retire(struct connection *connection);

enum connection_phase connection_phase(const struct connection *connection);
// When its phase began, and when bytes were last seen to come or go (deadline_now_ms()).
uint64_t connection_since_ms(const struct connection *connection);
uint64_t connection_moved_ms(const struct connection *connection);
// Tells a peer that speaks HTTP/2 to begin nothing more, and ends when what is under way is done. With
// HTTP/1.1 the next answer says it, once struct connection_shared does.
void connection_drain(struct connection *connection);
// Ends it where it waits for a request. False where some of one is in the socket already, to be read first.
bool connection_part(struct connection *connection);
