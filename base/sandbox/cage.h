// SPDX-License-Identifier: BSD-3-Clause
// What shuts a child process in: limits, descriptors, system calls. sandbox.c's.
#pragma once

#include "base/error.h"
#include "base/sandbox/limits.h"

struct cage {
	struct sandbox_limits limits;
	const int *keep; // [n_keep]: descriptors that it may read
	unsigned int n_keep;
	int result, socket; // all that it may write to
};

// In the child, for good. -errno with a sentence where the kernel does not do it.
int cage_shut(const struct cage *cage, struct error *err);
