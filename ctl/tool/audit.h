// SPDX-License-Identifier: BSD-3-Clause
// The audit log: shown, taken elsewhere, verified.
#pragma once

#include "ctl/tool/command.h"

extern const struct command audit_list_command, audit_export_command, audit_verify_command;
