// SPDX-License-Identifier: BSD-3-Clause
// The dataplane, as the control plane sees it: start, stop and publish here; what it tells of
// itself in stats.h, the names of drops in drop.h.
//
// There is one dataplane a process, for EAL can be initialised once only. Every function here is
// called by the one control thread, and never by an lcore.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "dataplane/drop.h"
#include "dataplane/info.h"
#include "dataplane/stats.h"

#include <stdbool.h>
#include <stdint.h>

struct dataplane;
struct auth_table;
struct deployment;
struct model_route;

// What of a configuration can be refused without starting anything: CPUs without a task, devices that two
// ports share, fewer queues than lcores, memory that is too little, an mtu that a device cannot carry, keys that
// are not as base/trust/keys.h says or that others could have changed. sodium_init() comes before. -EINVAL;
// what keys_read() returns.
int dataplane_check(const struct config *config, struct error *err);
// And which of DPDK's drivers that it needs are not installed. At a start DPDK itself tells. -ENODEV.
int dataplane_check_drivers(const struct config *config, struct error *err);
// Initialises EAL, mempools, ports, rings and lcores, and starts polling. No slot has a model yet:
// each answers NOT_READY until dataplane_recovered(). `kept`: what dataplane_seen() last said before the restart; NULL:
// nothing is known of it.
// On failure everything begun is undone. -ENODEV, -EINVAL, -ENOMEM, -EADDRINUSE, -EALREADY with a
// sentence.
int dataplane_start(const struct config *config, struct dataplane_kept *kept,
	struct dataplane **out, struct error *err);
// Limits clients as another configuration says, from the next burst on. -ENOMEM: all stays as it is.
int dataplane_limit_clients(
	struct dataplane *dp, const struct config_clients *config, struct error *err);
// Answers NOT_READY to new requests until stopped; what is queued is still scored.
void dataplane_drain(struct dataplane *dp);
bool dataplane_drained(const struct dataplane *dp); // nothing queued between stages any more
// Drains and joins the lcores: from here on nothing is received. dataplane_stop() is still to come.
void dataplane_halt(struct dataplane *dp);
// The same, and frees models, ports and EAL. NULL is fine.
void dataplane_stop(struct dataplane *dp);

// Looks how the ports stand, links and interfaces, and says on the links what is due. To be called now and
// then (100 ms).
void dataplane_watch(struct dataplane *dp);
// What is wrong with the port, as dataplane_watch() last found it; NULL: nothing.
const char *dataplane_trouble(const struct dataplane *dp, uint32_t port);
// Announces the addresses of a port (by index) on its link, at once and again 2 s later. -ENETDOWN where it
// has no link.
int dataplane_announce(struct dataplane *dp, uint32_t port, struct error *err);

struct dataplane_news {
	bool is_warning;
	char text[512];
};

// The next thing that happened by itself (a memif peer came, went, was turned away; a port fell into
// trouble or is out of it; another host claims an address of ours), as a sentence for the log. False where
// there is no more.
bool dataplane_news(struct dataplane *dp, struct dataplane_news *news);

// --- Trust --------------------------------------------------------------------------------------

// Reads the file of keys of datagrams anew, and makes what it and `config` say ready to be in force. At a start
// dataplane_start() does so. Nothing changes before dataplane_commit_trust(), which cannot fail; keys that stay
// keep what was seen of their counters. -EINVAL, -EPERM, -ENOENT, -ENOMEM with a sentence.
int dataplane_prepare_trust(struct dataplane *dp, const struct config_trust *config,
	struct auth_table **out, struct error *err);
void dataplane_commit_trust(struct dataplane *dp, struct auth_table *table);
void dataplane_discard_trust(struct auth_table *table); // NULL is fine
// The newest counters of keys, as text that dataplane_start() takes after a restart, malloc'ed, of *size bytes and a
// NUL. NULL where none is newer than the last text says, or, with `all`, where there is none at all; or without
// memory: then the next call says it.
char *dataplane_seen(struct dataplane *dp, bool all, size_t *size);

// --- Deployments --------------------------------------------------------------------------------

// From here on an id without a deployment is answered NO_MODEL, but for those that are to be in
// service: they stay NOT_READY until one is published or retired. NULL is fine.
void dataplane_recovered(struct dataplane *dp);
// This id is to be in service. Those of config->models are from the start.
void dataplane_expect(struct dataplane *dp, uint16_t id);

// Most of publishing that may fail: builds a new deployment, divides its scratch. Nothing is published, and the
// caller still owns the model: until dataplane_commit(), or dataplane_discard(). The golden rows are the
// caller's to score first, on a thread that may take its time. -EEXIST where the name is published under
// another id or the id under another name; -EINVAL where the scratch of an lcore is too small; -ENOMEM.
int dataplane_prepare(struct dataplane *dp, const struct deployment_request *request,
	struct deployment **out, struct error *err);
void dataplane_discard(struct deployment *deployment); // NULL is fine
// The rest that may fail: a route of deployments that are prepared or in service already. No other route of
// this id may be committed in between. -EINVAL, -ENOMEM.
int dataplane_make_route(struct dataplane *dp, const struct route_request *request,
	struct model_route **out, struct error *err);
// Publishes a route by one pointer; its deployments, models and all, are the dataplane's from here on. What
// was in service there and is not in this route is freed after quiescence. Cannot fail.
void dataplane_commit(struct dataplane *dp, struct model_route *route);
void dataplane_discard_route(struct model_route *route); // NULL is fine; not its deployments
// The deployment in service as that version, in whichever role; NULL: none.
struct deployment *dataplane_find(const struct dataplane *dp, uint16_t id, uint16_t version);
// All in one, for a single version.
int dataplane_publish(
	struct dataplane *dp, const struct deployment_request *request, struct error *err);
// Takes a slot out of service: requests get NO_MODEL. -ENOENT where there is none.
int dataplane_retire(struct dataplane *dp, uint16_t id, struct error *err);
// What scores beside the lcores holds what is in service under that id: it and its model stay until they
// are given back, whatever is published or retired meanwhile. `version` 0: the live one, and the canary with
// it where there is one; else exactly that one. False where there is none.
// Everything held is given back before dataplane_stop().
bool dataplane_hold(
	struct dataplane *dp, uint16_t id, uint16_t version, struct deployment_hold *hold);
// Chooses between what is held as lcores do, by a hash of the request's id (NULL: it has none) or by the
// features of its first row; a hold with one deployment stays as it is. Any thread.
void dataplane_choose(struct deployment_hold *hold, const uint64_t *id, const float *row);
// The hash of an id that is text, for dataplane_choose().
uint64_t dataplane_hash_id(const void *id, size_t bytes);
void dataplane_release(struct dataplane *dp, struct deployment_hold *hold); // zeroed: fine
// Counts a request that was scored, or refused, with what is held.
void dataplane_count(struct dataplane *dp, const struct deployment_hold *hold,
	const struct api_outcome *outcome);
// Frees deployments that nobody can be reading any more. To be called now and then (100 ms).
void dataplane_reclaim(struct dataplane *dp);
