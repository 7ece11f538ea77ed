// SPDX-License-Identifier: BSD-3-Clause
// An image comes into the store, verified, but not live.
#pragma once

struct operation;

// op->data as op->version of op->model, with its signature, op->signature. The same bytes again may come with another one.
void push_begin(struct operation *op);
