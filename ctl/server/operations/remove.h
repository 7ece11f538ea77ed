// SPDX-License-Identifier: BSD-3-Clause
// A stored version leaves the store.
#pragma once

struct operation;

void remove_begin(struct operation *op); // op->version of op->model, which must not be live
