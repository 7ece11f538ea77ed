// SPDX-License-Identifier: BSD-3-Clause
// What the two builders of convolutions share.
#pragma once

#include "infer/plan/plan.h"
#include "infer/window.h"

// An image with zeros about it: [channels][in...], or [in...][channels] where `last`.
struct padding {
	uint32_t channels, in[3], begin[3], room[3];
	bool last;
};

struct padding padding_of(const struct window *window, uint32_t channels, bool last);
bool padding_is_some(const struct window *window);
size_t padding_floats(const struct padding *padding);
void padding_copy(const struct padding *padding, const float *x, float *to);

// The node at hand has a form that conv_tile_takes().
int build_conv_tile(struct builder *builder, const struct window *window);
