// SPDX-License-Identifier: BSD-3-Clause
// martletctl clients.
#pragma once

#include "ctl/tool/command.h"

extern const struct command clients_command;
