// SPDX-License-Identifier: BSD-3-Clause
// martletctl model inspect: what an image holds, and the plan that this CPU would run.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_inspect_command;
