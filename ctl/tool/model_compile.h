// SPDX-License-Identifier: BSD-3-Clause
// martletctl model compile: an image of a foreign model file.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_compile_command;
