// SPDX-License-Identifier: BSD-3-Clause
// An image comes into the store, verified, but not live.
#pragma once

struct operation;

void push_begin(struct operation *op); // op->data as op->version of op->model
