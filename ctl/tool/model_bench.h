// SPDX-License-Identifier: BSD-3-Clause
// martletctl model bench: the time of a row at each batch size, on this thread.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_bench_command;
