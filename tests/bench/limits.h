// SPDX-License-Identifier: BSD-3-Clause
// What this CPU's widest vectors can do at most, for figures to be held against. One thread.
#pragma once

#include <stddef.h>

// f32 multiply-adds a nanosecond, all operands in registers: the limit of large batches. 0 without
// vectors that multiply and add at once.
double limit_fma_per_ns(void);
// Nanoseconds to multiply and add `count` f32 weights, each read once, in a walk that is repeated:
// they come from the cache that they fit. The limit of one row. 0 as above.
double limit_weights_ns(size_t count);
