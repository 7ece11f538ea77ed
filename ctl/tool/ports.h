// SPDX-License-Identifier: BSD-3-Clause
// martletctl ports: each port's device, addresses, link and traffic.
#pragma once

#include "ctl/tool/command.h"

#include <jansson.h>

extern const struct command ports_command;

// The API's list of ports as a table on stdout, one line each; the command shows more.
void ports_print_table(const json_t *ports);
