// SPDX-License-Identifier: BSD-3-Clause
// What the files of ctl/server share. Control thread only.
#pragma once

#include "ctl/server/models.h"
#include "ctl/server/operations/jobs.h"
#include "ctl/server/server.h"
#include "ctl/server/store/store.h"

#include <stdbool.h>
#include <time.h>

struct event;
struct evhttp;
struct operation;

enum server_phase { SERVER_STARTING, SERVER_READY, SERVER_DRAINING };
const char *server_phase_name(enum server_phase phase);

#define SERVER_SIGNALS 3
#define SLOTS_MAX      MODELS_MAX

struct server {
	struct server_parts parts;
	struct evhttp *http;
	struct jobs *jobs;
	struct models models;
	struct model_options model_options; // the configured instruction sets
	enum server_phase phase;
	struct timespec started;
	struct timespec announce_until; // draining: NOT_READY is said at least so long
	struct timespec drain_until;
	struct event *signals[SERVER_SIGNALS];
	struct event *tick;
	struct operation *first, *last;    // queue; the first one is under way
	struct slot_info slots[SLOTS_MAX]; // room for dataplane_slots()
};

double server_uptime_seconds(const struct server *server);
// Every operation queued so far has ended.
void server_idle(struct server *server);
// The slot of a model in service, NULL where it is not.
const struct slot_info *server_slot(struct server *server, const char *name);
