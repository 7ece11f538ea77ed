// SPDX-License-Identifier: BSD-3-Clause
// martletctl model compress: the smallest way to decide as a model does, under bounds measured here.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_compress_command;
