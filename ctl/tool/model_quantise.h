// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_quantise_command;
