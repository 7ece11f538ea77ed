// SPDX-License-Identifier: BSD-3-Clause
// What everything that serves the control plane shares. Control thread only.
#pragma once

#include "ctl/server/models.h"
#include "dataplane/dataplane.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct access;
struct audit;
struct call;
struct confine;
struct counters_file;
struct cost;
struct drain_hook;
struct drift;
struct comparisons;
struct event;
struct event_base;
struct gate;
struct history;
struct jobs;
struct listener;
struct metrics_page;
struct operation;
struct signals;
struct scoring;
struct store;
struct listeners;

// Leaving: it says that it drains, and serves all the same, but takes no changes of models any more.
enum server_phase { SERVER_STARTING, SERVER_READY, SERVER_LEAVING, SERVER_DRAINING };

#define SERVER_WHY_BYTES      448 // of the clause that says why it is not ready
#define SERVER_SLOTS_MAX      MODELS_MAX
#define SERVER_REVISIONS      8 // of the configuration that are remembered
#define SERVER_REVISION_BYTES 256

struct operation_queue {                // operation.c's
	struct operation *first, *last; // the first one is under way
	uint32_t n_starting;            // those without a client: of the start
	bool is_held;                   // nobody begins the next one
};

struct server {
	// As it is in force: main()'s, or own_config. Another one after a reload, so nobody keeps it.
	const struct config *config;
	struct config *own_config; // NULL: none yet
	// These are main()'s, and outlive the server.
	struct event_base *base;
	struct listener *listener;
	struct store *store;
	struct dataplane *dataplane;
	struct drain_hook *drain_hook; // NULL: there is none
	const struct confine *confine; // what was given up
	struct counters_file *counters_file;
	struct audit *audit;
	struct gate *gate;
	struct access *access; // who may what
	struct history *history;
	struct comparisons *comparisons; // of canaries and shadows with live
	struct cost *cost;               // of changes
	struct listeners *listeners;     // listeners.c's
	// Of the configuration in force: how often it was changed, and by whom, when and in what, reload.c's.
	uint32_t revision;
	char revised[SERVER_REVISIONS][SERVER_REVISION_BYTES];
	struct metrics_page *metrics_page; // metrics_get.c's
	struct jobs *jobs;
	struct scoring *scoring; // of what comes by the API
	struct call *watchers;   // calls of gRPC that are told of changes: grpc/watch.c's
	struct drift *drift;     // of the rows that it scores
	struct models models;
	uint64_t versions_retired;          // removed from the store by its policy
	struct model_options model_options; // the configured instruction sets
	// Of encrypted images; others after a reload. While one is under way, those before it; else NULL.
	struct image_keys *image_keys, *image_keys_before;
	enum server_phase phase;
	bool is_ready, is_owing; // as server_look_ready() last found it
	// Of clock_ns().
	uint64_t said_ready_ns;   // when that was said
	uint64_t record_again_ns; // recording.c's: not before
	uint64_t started_ns;
	uint64_t grace_until_ns, hook_until_ns, say_close_ns; // drain.c's
	bool is_hurried;                                      // ... the grace was ended
	bool is_signalled;                                    // ... by a signal already
	char drain_by[208];                                   // ... who asked
	uint64_t announce_until_ns; // draining: NOT_READY is said at least so long
	uint64_t drain_until_ns;
	bool is_quiet; // nothing was under way at the last tick
	struct signals *signals;
	struct event *tick;
	struct operation_queue operations;
	struct slot_info
		slots[SERVER_SLOTS_MAX]; // scratch memory of server_slot() and of others' listings
};

double server_uptime_seconds(const struct server *server);
// Everything that the start had to bring back or to import has been tried: READY, unless that was
// so already.
void server_recovered(struct server *server);
// Whether requests can be served: the start is over, none is draining, and as many ports are without
// trouble as control.ready_ports wants. `why`: where not, a clause that says why, of at most `size`.
bool server_ready(const struct server *server, char *why, size_t size);
// Says in the log and to the service manager where that has changed.
void server_look_ready(struct server *server);
// "starting", "ready", "not ready" for want of ports, "draining".
const char *server_state_name(const struct server *server);
// The slot of a model in service, NULL where it is not. Valid until the next call.
const struct slot_info *server_slot(struct server *server, const char *name);
