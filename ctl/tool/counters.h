// SPDX-License-Identifier: BSD-3-Clause
// martletctl stats, drops, lcores, latency: what the appliance counts.
#pragma once

#include "ctl/tool/command.h"

#include <jansson.h>

extern const struct command stats_command;
extern const struct command stats_reset_command;
extern const struct command drops_command;
extern const struct command lcores_command;
extern const struct command latency_command;

// The API's list of lcores as a table on stdout.
void lcores_print_table(const json_t *lcores);
