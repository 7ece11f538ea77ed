// SPDX-License-Identifier: BSD-3-Clause
// martletctl model train
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_train_command;
