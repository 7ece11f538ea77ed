// SPDX-License-Identifier: BSD-3-Clause
// martletctl token create | list | revoke: who may use the API over TCP.
#pragma once

#include "ctl/tool/command.h"

extern const struct command token_create_command;
extern const struct command token_list_command;
extern const struct command token_revoke_command;
