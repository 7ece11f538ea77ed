// SPDX-License-Identifier: BSD-3-Clause
// The end of the appliance's service, so that nobody loses a request by it:
//  1. It says that it is not ready (readiness, the service manager) and runs control.drain_hook once. For
//     control.drain_grace seconds, and until the hook has ended, everything is served as before: whoever
//     looks at readiness, or hears of a route that is withdrawn, goes elsewhere meanwhile. In its second half
//     answers over HTTP/1.1 are their connections' last, for those who do not look.
//  2. New requests by UDP are answered NOT_READY, for some time at the least; answers over HTTP are their
//     connections' last. What is under way is answered, a request too whose body is still coming, and what
//     is asked on a connection of before; of a connection that comes now nothing is scored.
//  3. Once nothing is under way, and connections that wait for a request have been closed, or
//     control.drain_timeout seconds later, the event loop ends. What is cut
//     then is counted by kind and said.
// A model in service stays so all the time. Control thread only.
// There is no way back: the hook has told others that this appliance goes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct server;

struct drain_progress {
	const char *stage; // "grace", "closing"; NULL: it does not drain
	uint64_t grace_ns; // that is left
	bool hook_runs;
	// Under way: connections whose requests wait for an answer, requests of the API that wait to be
	// scored, or are, changes of models, and whether lcores have packets that are not answered.
	uint32_t connections, scoring, changes;
	bool packets;
};

// Begins it; `by` is who asked, for the log. Where it has begun nothing changes.
void drain_begin(struct server *server, const char *by);
// The same, and a grace that is under way ends at once.
void drain_hurry(struct server *server, const char *by);
// Of SIGTERM and SIGINT: the first one begins it, where nobody has, and a second one hurries it.
void drain_signal(struct server *server, const char *by);
void drain_progress(const struct server *server, struct drain_progress *progress);
// To be called at every tick of the server; does nothing before drain_begin().
void drain_tick(struct server *server);
