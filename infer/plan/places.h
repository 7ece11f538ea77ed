// SPDX-License-Identifier: BSD-3-Clause
// Where tensors stand in a row's scratch: first fit among what is alive. One thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct place_span {
	size_t offset, bytes;
};

struct place_map {
	struct place_span *spans; // [count], by offset
	uint32_t count, capacity;
	size_t peak; // bytes that all of it took at most
};

// Offset of `bytes` (rounded up to 64), SIZE_MAX without memory.
size_t place_map_take(struct place_map *map, size_t bytes);
void place_map_give(struct place_map *map, size_t offset);
void place_map_fini(struct place_map *map);
