// SPDX-License-Identifier: BSD-3-Clause
// Offsets of tensors in a row's scratch, by first fit among those that are still needed. One
// thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct scratch_span {
	size_t offset, bytes;
};

struct scratch {
	struct scratch_span *spans; // [count], by offset
	uint32_t count, capacity;
	size_t peak; // the most bytes that were taken at any time
};

// Offset of `bytes` (rounded up to 64), SIZE_MAX without memory.
size_t scratch_take(struct scratch *scratch, size_t bytes);
void scratch_give(struct scratch *scratch, size_t offset);
void scratch_fini(struct scratch *scratch);
