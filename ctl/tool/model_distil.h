// SPDX-License-Identifier: BSD-3-Clause
// martletctl model distil.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_distil_command;
