// SPDX-License-Identifier: BSD-3-Clause
// What model eval prints for people.
#pragma once

#include "ctl/tool/eval_json.h"

// Returns an enum tool_exit.
int eval_print_text(const struct eval_result *result);
