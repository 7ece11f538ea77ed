// SPDX-License-Identifier: BSD-3-Clause
// martletctl model keygen and model sign: minisign's keys, and signatures of images by them.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_keygen_command;
extern const struct command model_sign_command;
