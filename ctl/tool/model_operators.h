// SPDX-License-Identifier: BSD-3-Clause
// martletctl model operators: the operators of ONNX that model compile reads.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_operators_command;
