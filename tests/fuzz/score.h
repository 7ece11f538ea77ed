// SPDX-License-Identifier: BSD-3-Clause
// What the fuzzers of models share: an image that opens scores any bits on every instruction set.
#pragma once

#include "infer/infer.h"

// Scores rows of `data`'s bytes with the model in `image`. False where it does not open, err says
// why.
bool fuzz_score(
	const void *image, size_t image_bytes, const uint8_t *data, size_t size, struct error *err);
// A copy of the bytes at an image's alignment, whose header's length and hash are made right, so that the checks behind
// them are reached. NULL: no memory. free() it.
void *fuzz_sealed_image(const uint8_t *data, size_t size);
