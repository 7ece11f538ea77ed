// SPDX-License-Identifier: BSD-3-Clause
// martletctl status: the whole appliance on one screen.
#pragma once

#include "ctl/tool/command.h"

extern const struct command status_command;
