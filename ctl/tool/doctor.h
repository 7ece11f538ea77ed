// SPDX-License-Identifier: BSD-3-Clause
// martletctl doctor: is this machine ready, and what would make it so?
#pragma once

#include "ctl/tool/command.h"

extern const struct command doctor_command;
