// SPDX-License-Identifier: BSD-3-Clause
// What the two builders of convolutions share.
#pragma once

#include "infer/plan/builder.h"
#include "infer/plan/steps/padding.h"

// The node at hand has a form that conv_tile_takes().
int build_conv_tile(struct builder *builder, const struct window *window);
