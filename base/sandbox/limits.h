// SPDX-License-Identifier: BSD-3-Clause
// How much a child process that is shut in may take.
#pragma once

#include <stdint.h>

#define SANDBOX_KEEP_MAX 4 // descriptors of its parent's

struct sandbox_limits {
	uint64_t memory_bytes; // that it takes beside what its parent has; of the result as well
	uint32_t cpu_seconds;
};
