// SPDX-License-Identifier: BSD-3-Clause
// The control plane's event loop: HTTP API, model store, deployments. Owner: main(); everything in
// ctl/server runs on its thread, the control thread, but for jobs.h's worker.
//
// Its rooms, each of which knows those before it and none of those after it:
//     http/        HTTP's mechanics: sockets, who is let in, requests and replies, JSON bodies, paths
//     store/       images and records on the disk
//     (models, server_state: what the appliance knows of its models and of itself)
//     scoring/     rows that come by the API, whatever its protocol, scored on threads of their own
//     operations/  what changes the store or what is deployed, one at a time; knows no protocol
//     resources/   what the API's paths answer, a file a resource
//     (routes: which path is answered by which resource; server: the loop)
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "dataplane/dataplane.h"

struct confine;
struct counters_file;
struct drain_hook;
struct event_base;
struct listener;
struct server;
struct store;

struct audit;

struct server_parts { // borrowed, but for the last: they outlive the server
	const struct config *config;
	struct event_base *base;
	struct listener *listener;
	struct store *store;
	struct dataplane *dataplane;
	struct drain_hook *drain_hook; // NULL: there is none
	const struct confine *confine;
	struct counters_file *counters_file;
	struct audit *audit; // the server's from server_create() on, also where that fails
};

// Reads the store, queues what is to be deployed, and answers from server_run() on.
int server_create(const struct server_parts *parts, struct server **out, struct error *err);
// Until SIGTERM or SIGINT, and then until the dataplane is drained (bounded). 0 or -errno.
int server_run(struct server *server, struct error *err);
void server_destroy(struct server *server); // NULL is fine
