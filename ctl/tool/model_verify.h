// SPDX-License-Identifier: BSD-3-Clause
// martletctl model verify: whether a file's signature is right, of minisign or of OpenSSF Model Signing.
#pragma once

#include "ctl/tool/command.h"

extern const struct command model_verify_command;
