// SPDX-License-Identifier: BSD-3-Clause
// martletctl announce.
#pragma once

#include "ctl/tool/command.h"

extern const struct command announce_command;
