// SPDX-License-Identifier: BSD-3-Clause
// A stored version leaves the store, or a whole model does.
#pragma once

struct operation;

void remove_begin(struct operation *op); // op->version of op->model, which must not be in service
void remove_begin_model(struct operation *op); // op->model, which must not be in service
