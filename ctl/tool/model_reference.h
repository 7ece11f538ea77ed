// SPDX-License-Identifier: BSD-3-Clause
// martletctl model reference: an image with histograms of the rows of a file.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_reference_command;
