// SPDX-License-Identifier: BSD-3-Clause
// martletctl drain: the end of an appliance's service without losing a request.
#pragma once

#include "ctl/tool/command.h"

extern const struct command drain_command;
