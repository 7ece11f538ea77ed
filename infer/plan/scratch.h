// SPDX-License-Identifier: BSD-3-Clause
// Where tensors stand in a row's scratch: first fit among what is alive. One thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct scratch_span {
	size_t offset, bytes;
};

struct scratch {
	struct scratch_span *spans; // [count], by offset
	uint32_t count, capacity;
	size_t peak; // bytes that all of it took at most
};

// Offset of `bytes` (rounded up to 64), SIZE_MAX without memory.
size_t scratch_take(struct scratch *scratch, size_t bytes);
void scratch_give(struct scratch *scratch, size_t offset);
void scratch_fini(struct scratch *scratch);
