// SPDX-License-Identifier: BSD-3-Clause
// Conv by tiles.
#pragma once

#include "infer/graph/window.h"
#include "infer/plan/builder.h"

// Is this node of the graph a Conv that is computed by tiles? They read and write channels last as
// well as channels first. Fills in its window.
bool conv_tile_takes(const struct builder *builder, const struct node *node, struct window *window);
// The same, for the table of builders.
channels_last_fn conv_takes_channels_last;
// The node at hand, whose form is one of those.
int build_conv_tile(struct builder *builder, const struct window *window);
