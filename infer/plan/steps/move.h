// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/plan/builder.h"

plan_builder build_concat, build_transpose, build_slice, build_gather;
// Makes it a step that copies `bytes` of each row from x to y: between a port of the model and its
// tensor.
void step_set_copy(struct step *step, struct buffer x, struct buffer y, size_t bytes);
