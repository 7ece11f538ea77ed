// SPDX-License-Identifier: BSD-3-Clause
// Images of floats or bytes with room about them.
#pragma once

#include "infer/graph/window.h"

// [channels][in...], or [in...][channels] where `last`, in [room...] of such values.
struct padding {
	uint32_t channels, in[3], begin[3], room[3];
	uint32_t value_bytes;
	bool last;
};

// Room for what the window's pads ask for.
struct padding padding_of(
	const struct window *window, uint32_t channels, bool last, size_t value_bytes);
bool padding_is_some(const struct window *window);
size_t padding_values(const struct padding *padding);
// All of it, once; images that are copied into the same room leave what is about them.
void padding_fill(const struct padding *padding, float value, float *to);
void padding_copy(const struct padding *padding, const void *x, void *to);
