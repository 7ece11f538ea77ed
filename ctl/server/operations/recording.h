// SPDX-License-Identifier: BSD-3-Clause
// What of a model is in service comes into the store, before it comes into service: one truth.
#pragma once

struct operation;
struct server;

// Makes op->record what the store says of op->model (id 0: nothing), durably, then then(op). Where that
// fails (op->err) the store says again, byte for byte, what it said before; should that fail, too, then
// op->err says so, and it is owed (models.h).
void recording_begin(struct operation *op, void (*then)(struct operation *op));

// To be called now and then: where something is owed, nothing else is under way, and it is time, writes
// it once more.
void recording_again(struct server *server);
