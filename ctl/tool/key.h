// SPDX-License-Identifier: BSD-3-Clause
// The file of keys of authenticated datagrams (base/trust/keys.h): martletctl key.
#pragma once

#include "ctl/tool/command.h"

extern const struct command key_generate_command, key_list_command, key_retire_command;
