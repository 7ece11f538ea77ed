// SPDX-License-Identifier: BSD-3-Clause
// config check, diff and apply.
#pragma once

#include "ctl/tool/command.h"

extern const struct command config_check_command, config_diff_command, config_apply_command;
