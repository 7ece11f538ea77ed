// SPDX-License-Identifier: BSD-3-Clause
// martletctl model drift: the scores of the rows of a file, offline.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_drift_command;
