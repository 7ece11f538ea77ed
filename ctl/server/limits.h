// SPDX-License-Identifier: BSD-3-Clause
// The limits of what comes by HTTP, as the configuration has them. Any thread.
#pragma once

#include "config/config.h"
#include "ctl/server/http/gate.h"

struct gate_limits limits_of(const struct config *config);
