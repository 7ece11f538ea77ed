// SPDX-License-Identifier: BSD-3-Clause
// A model of the configuration is stored and deployed at start, where the store knows no deployment
// of that name.
#pragma once

#include "base/error.h"
#include "config/config.h"

struct server;

// Queues it; `model` must stay. -ENOMEM only: what fails later is the model's reason.
int import_start(struct server *server, const struct config_model *model, struct error *err);
