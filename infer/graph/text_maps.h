// SPDX-License-Identifier: BSD-3-Clause
// Features that are text (infer.h, struct model_texts): their texts in order, and looked up. Pure
// functions, any thread.
#pragma once

#include "base/error.h"
#include "infer/infer.h"

struct arena;

// Fills `order` and `has_numbers` of each. -EINVAL where a feature has a text twice; -ENOMEM.
int text_maps_order(struct model_texts *maps, uint32_t n, struct arena *arena, struct error *err);
// The map of a feature among n of ascending features; NULL: it is a number.
const struct model_texts *text_maps_find(
	const struct model_texts *maps, uint32_t n, uint32_t feature);
// The number of a text; n_texts: it is none of them.
uint32_t text_maps_number(const struct model_texts *map, const char *text);
