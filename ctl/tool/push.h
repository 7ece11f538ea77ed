// SPDX-License-Identifier: BSD-3-Clause
// martletctl model push: checks an image here, then stores it in the appliance.
#pragma once

#include "base/error.h"
#include "ctl/tool/command.h"

#include <jansson.h>
#include <stdint.h>

extern const struct command model_push_command;

// The version that comes after the highest one stored of model `name`, from the answer to
// GET /v1/models; 1 for a model not stored yet. -ERANGE past 65535, -EINVAL for another answer.
int push_next_version(const json_t *answer, const char *name, uint32_t *version, struct error *err);
// The lowest id that no model has, for one to be deployed the first time under that name; 0: the
// model has one.
uint32_t push_free_id(const json_t *answer, const char *name);
