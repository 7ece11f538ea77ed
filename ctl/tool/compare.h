// SPDX-License-Identifier: BSD-3-Clause
// martletctl model compare: how a canary and a shadow compare with live.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_compare_command;
