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

// Initialises EAL, mempools, ports, rings and lcores, and starts polling. No slot has a model yet:
// those of config->models answer NOT_READY until one is published or retired, all others NO_MODEL.
// On failure everything begun is undone. -ENODEV, -EINVAL, -ENOMEM, -EADDRINUSE, -EALREADY with a
// sentence.
int dataplane_start(const struct config *config, struct dataplane **out, struct error *err);
// Answers NOT_READY to new requests until stopped; what is queued is still scored.
void dataplane_drain(struct dataplane *dp);
bool dataplane_drained(const struct dataplane *dp); // nothing queued between stages any more
// Joins the lcores, frees models, ports and EAL. NULL is fine.
void dataplane_stop(struct dataplane *dp);

// The next thing that happened by itself (a memif peer came, went, was turned away), as a sentence for
// the log. False where there is no more.
bool dataplane_news(struct dataplane *dp, char *text, size_t size);

// --- Deployments --------------------------------------------------------------------------------

// Builds a new deployment (divides its scratch, scores the golden rows on this thread and checks
// them) and publishes it by one pointer. On error nothing has changed and the caller still owns the
// model. -EEXIST where the name is published under another id or the id under another name; -EINVAL
// where the scratch of an lcore is too small or the golden rows come out differently; -ENOMEM.
int dataplane_publish(
	struct dataplane *dp, const struct deployment_request *request, struct error *err);
// Takes a slot out of service: requests get NO_MODEL. -ENOENT where there is none.
int dataplane_retire(struct dataplane *dp, uint16_t id, struct error *err);
// Frees deployments that no lcore can be reading any more. To be called now and then (100 ms).
void dataplane_reclaim(struct dataplane *dp);
