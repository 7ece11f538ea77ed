// SPDX-License-Identifier: BSD-3-Clause
// Deploying a stored version: open it with timing on the worker, publish it to the lcores, record
// it durably.
#pragma once

struct operation;

// Puts op->version of op->model into service, under op->id (0: the id it has already).
void deploy_begin(struct operation *op);
void deploy_begin_rollback(struct operation *op); // the version that was live before this one
void deploy_begin_load(struct operation *op);     // the version that was live when it was unloaded
