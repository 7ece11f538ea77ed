// SPDX-License-Identifier: BSD-3-Clause
// What the steps of pools share.
#pragma once

#include "infer/plan/builder.h"
#include "infer/plan/steps/padding.h"

// A pool whose windows all lie inside of its room, which is the image itself where `padded` is not.
struct pool_room {
	struct window window; // of the room
	struct padding padding;
	bool padded;
};

// Where a window's values stand from its begin, `unit` for each place: [taps]. NULL with err
// filled.
const uint32_t *pool_taps(struct builder *builder, const struct window *window, uint32_t unit);
// Fills in the step of a MaxPool of bytes, but for what all pools tell of themselves.
int build_pool_bytes(struct builder *builder, const struct pool_room *room);
