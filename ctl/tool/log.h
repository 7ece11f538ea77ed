// SPDX-License-Identifier: BSD-3-Clause
// martletctl log.
#pragma once

#include "ctl/tool/command.h"

extern const struct command log_command;
