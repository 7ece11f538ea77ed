// SPDX-License-Identifier: BSD-3-Clause
// The audit log, read by who asks over the API. Control thread only.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct audit;

// Durable lines behind line `after`, at most `limit` of them and AUDIT_PAGE_BYTES, as they stand in the log: *text is malloc'ed.
// Blocks for a few small reads.
#define AUDIT_PAGE_BYTES ((size_t)1 << 20)
int audit_read(struct audit *audit, uint64_t after, uint32_t limit, char **text, size_t *size,
	struct error *err);
