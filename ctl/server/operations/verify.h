// SPDX-License-Identifier: BSD-3-Clause
// Whether an image is sound: work of several operations.
#pragma once

struct operation;

// Of op->data: its hash and what else the list of versions says of it, into op->stored.
void verify_hash(struct operation *op);
// For operation_work(). Of op->data: hashed, where it is not yet; admitted by its signature, op->signature, as a version
// of op->model; then opened without timing, and its golden rows scored. op->err and op->status say what is wrong with it.
void verify_image(void *op);
