// SPDX-License-Identifier: BSD-3-Clause
// The command table: finding the one that is meant, and saying what there is.
#pragma once

#include "ctl/tool/tool.h"

// Takes the global options before the noun, finds the command and runs it. Returns its exit code;
// TOOL_USAGE where there is no such command. `argv[0]` is the program's name.
int command_run(const struct command *commands, uint32_t n_commands, int argc, char **argv);
