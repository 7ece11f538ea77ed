// SPDX-License-Identifier: BSD-3-Clause
// What a change cost those who asked meanwhile, as the server has it.
#pragma once

#include <jansson.h>

// Of the model's last change, once what came after it is known: a second later, where anybody asks for
// anything; NULL where the server does not say.
json_t *cost_get(const char *model);
void cost_print(const json_t *cost);
