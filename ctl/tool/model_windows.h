// SPDX-License-Identifier: BSD-3-Clause
// martletctl model windows: rows that are windows of time, of rows that are steps.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_windows_command;
