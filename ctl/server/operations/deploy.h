// SPDX-License-Identifier: BSD-3-Clause
// Deploying a stored version: open it with timing on the worker, publish it to the lcores, record
// it durably.
#pragma once

struct operation;

// Makes the deployment of op->model what op->wish says, as one change.
void deploy_begin(struct operation *op);
void deploy_begin_recorded(struct operation *op); // what the record says, at start
// To op->version, which was live before; 0: the one before this one. Canary and shadow end.
void deploy_begin_rollback(struct operation *op);
void deploy_begin_load(struct operation *op); // what was in service when it was unloaded
