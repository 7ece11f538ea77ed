// SPDX-License-Identifier: BSD-3-Clause
// What of a model is in service comes into the store, before it comes into service: one truth.
#pragma once

struct operation;

// Makes op->record what the store says of op->model (id 0: nothing), durably, then then(op). Where that
// fails (op->err) the store says again, byte for byte, what it said before; should that fail, too, then
// op->err says so.
void recording_begin(struct operation *op, void (*then)(struct operation *op));
