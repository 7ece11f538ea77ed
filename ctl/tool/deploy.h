// SPDX-License-Identifier: BSD-3-Clause
// martletctl model promote, rollback, unload, load, delete: one request to the API each.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_promote_command;
extern const struct command model_rollback_command;
extern const struct command model_unload_command;
extern const struct command model_load_command;
extern const struct command model_delete_command;
