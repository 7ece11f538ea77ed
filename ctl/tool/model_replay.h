// SPDX-License-Identifier: BSD-3-Clause
// martletctl model replay: two images beside each other on the same rows.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_replay_command;
