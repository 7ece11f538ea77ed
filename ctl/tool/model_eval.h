// SPDX-License-Identifier: BSD-3-Clause
// martletctl model eval: models judged on rows with labels, side by side.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_eval_command;
