// SPDX-License-Identifier: BSD-3-Clause
// score: rows are scored by the model that an appliance has in service, over its API.
#pragma once

#include "ctl/tool/command.h"

extern const struct command score_command;
