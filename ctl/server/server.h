// SPDX-License-Identifier: BSD-3-Clause
// The control plane's event loop: HTTP API, model store, deployments. Owner: main(); everything in
// ctl/server runs on its thread, the control thread, but for jobs.h's worker.
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "dataplane/dataplane.h"

struct event_base;
struct listener;
struct server;
struct store;

struct server_parts { // borrowed: they outlive the server
	const struct config *config;
	struct event_base *base;
	struct listener *listener;
	struct store *store;
	struct dataplane *dataplane;
};

// Reads the store, queues what is to be deployed, and answers from server_run() on.
int server_create(const struct server_parts *parts, struct server **out, struct error *err);
// Until SIGTERM or SIGINT, and then until the dataplane is drained (bounded). 0 or -errno.
int server_run(struct server *server, struct error *err);
void server_destroy(struct server *server); // NULL is fine
