// SPDX-License-Identifier: BSD-3-Clause
// martletctl flow features: one row of features for each flow in a capture file.
#pragma once

#include "ctl/tool/command.h"

extern const struct command flow_features_command;
