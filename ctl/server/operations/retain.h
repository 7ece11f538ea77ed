// SPDX-License-Identifier: BSD-3-Clause
// How many versions of a model the store keeps: its own policy where it has one, else store.retention. What is
// live, canary, shadow, pinned, or was live before this one never goes, nor does what is live in an unloaded
// model.
#pragma once

#include "ctl/server/models.h"

#include <jansson.h>

struct operation;
struct server;

// Queues the removal of each version of a model that is to go; of all models where `name` is NULL. `but` stays
// this time: it has just come.
void retain(struct server *server, const char *name, uint16_t but);

// Whether a version is one of those that go, where `keep` newest ones are kept (0: all).
bool retain_goes(const struct model_entry *entry, uint16_t version, uint32_t keep);
// How many newest versions of a model are kept; 0: all.
uint32_t retain_keep(const struct server *server, const struct model_entry *entry);

// What clients are told of it.
json_t *retain_json(const struct server *server, const struct model_entry *entry);

// Gives op->model the policy op->retention, durably, or takes it away; what it lets go is removed then.
void retain_begin_change(struct operation *op);
// At start: reads the policies that models have.
void retain_recover(struct server *server);
