// SPDX-License-Identifier: BSD-3-Clause
// A model goes out of service, and stays so after a restart.
#pragma once

struct operation;

void unload_begin(struct operation *op); // op->model
