// SPDX-License-Identifier: BSD-3-Clause
// What a change cost those who asked meanwhile, as the server has it.
#pragma once

#include <jansson.h>
#include <stdint.h>

// Of the model's change that made this revision of its deployment (0: of its last one), once what came after
// it is known: a second later, where anybody asks for anything. {"overtaken": true} where another change of the
// model came before that; NULL where the server does not say.
json_t *cost_get(const char *model, uint64_t revision);
void cost_print(const json_t *cost);
