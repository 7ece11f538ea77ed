// SPDX-License-Identifier: BSD-3-Clause
// martletctl model prune: a model without what it can do without.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_prune_command;
