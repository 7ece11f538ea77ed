// SPDX-License-Identifier: BSD-3-Clause
// martletctl model list, show, retention: what the appliance stores and serves.
#pragma once

#include "ctl/tool/command.h"

#include <jansson.h>

extern const struct command model_list_command;
extern const struct command model_show_command;
extern const struct command model_retention_command;

// The API's list of models as a table on stdout, and why those that are not served are not.
void models_print_table(const json_t *models);
