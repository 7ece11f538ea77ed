// SPDX-License-Identifier: BSD-3-Clause
// The copies between the ports of a model and its tensors.
#pragma once

#include "infer/plan/step.h"

// Runs a step that copies per_row bytes of x to y, each side with its own distance from row to row
// (row_bytes).
void step_copy(const struct step *step, const struct pass *pass);
