// SPDX-License-Identifier: BSD-3-Clause
// What a fuzzer says of what must hold, whatever came: else it ends, and the input is kept.
#pragma once

#include <stdbool.h>
#include <stdlib.h>

static inline void must(bool holds)
{
	if (!holds)
		abort();
}
