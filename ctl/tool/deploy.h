// SPDX-License-Identifier: BSD-3-Clause
// martletctl model promote, canary, shadow, pin, unpin, rollback, history, unload, load, delete.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_promote_command;
extern const struct command model_canary_command;
extern const struct command model_shadow_command;
extern const struct command model_pin_command;
extern const struct command model_unpin_command;
extern const struct command model_rollback_command;
extern const struct command model_history_command;
extern const struct command model_unload_command;
extern const struct command model_load_command;
extern const struct command model_delete_command;
