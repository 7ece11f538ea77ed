// SPDX-License-Identifier: BSD-3-Clause
// How many versions of a model the store keeps: store.retention. What is live, canary, shadow, pinned, or was
// live before this one never goes, nor does what is live in an unloaded model.
#pragma once

#include "ctl/server/models.h"

struct server;

// Queues the removal of each version of a model that is to go; of all models where `name` is NULL. `but` stays
// this time: it has just come.
void retain(struct server *server, const char *name, uint16_t but);

// Whether a version is one of those that go, where `keep` newest ones are kept (0: all).
bool retain_goes(const struct model_entry *entry, uint16_t version, uint32_t keep);
