// SPDX-License-Identifier: BSD-3-Clause
// The end of the appliance's service, so that nobody loses a request by it:
//  1. It says that it is not ready (readiness, the service manager) and runs control.drain_hook once. For
//     control.drain_grace seconds, and until the hook has ended, everything is served as before: whoever
//     looks at readiness, or hears of a route that is withdrawn, goes elsewhere meanwhile.
//  2. New requests by UDP are answered NOT_READY, for some time at the least; answers over HTTP are their
//     connections' last. What is under way is answered, a request too whose body is still coming, and what
//     is asked on a connection of before; of a connection that comes now nothing is scored.
//  3. Once nothing is under way, or control.drain_timeout seconds later, the event loop ends. What is cut
//     then is counted by kind and said.
// A model in service stays so all the time. Control thread only.
#pragma once

struct server;

// Begins it; `by` is who asked, for the log. Called again it ends the grace at once.
void drain_begin(struct server *server, const char *by);
// To be called at every tick of the server; does nothing before drain_begin().
void drain_tick(struct server *server);
