// SPDX-License-Identifier: BSD-3-Clause
// Which builder, one of steps/*.c, makes the step of which operator, and what it can read.
#pragma once

#include "infer/plan/builder.h"

// Builds the step of the node at hand: by the operator's own builder, or, where there is none or it
// has no kernel for this form, of the plain form.
int build_step(struct builder *builder);
// Can the builder of `node` take its input 0 channels last?
channels_last_fn build_takes_channels_last;
