// SPDX-License-Identifier: BSD-3-Clause
// martletctl model drift: rows in service beside those a model was made with.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_drift_command;
