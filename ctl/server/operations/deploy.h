// SPDX-License-Identifier: BSD-3-Clause
// Deploying a stored version: open it with timing on the worker, publish it to the lcores, record
// it durably.
#pragma once

#include <jansson.h>

struct operation;
struct record;

// Makes the deployment of op->model what op->wish says, as one change.
void deploy_begin(struct operation *op);
void deploy_begin_recorded(struct operation *op); // what the record says, at start
// To op->version, which was live before; 0: the one before this one. Canary and shadow end.
void deploy_begin_rollback(struct operation *op);
void deploy_begin_load(struct operation *op); // what was in service when it was unloaded

// What clients are told of a deployment, and of its canary (null: there is none).
json_t *deploy_json(const char *model, const struct record *record);
json_t *deploy_canary_json(const struct record *record);
