// SPDX-License-Identifier: BSD-3-Clause
// Memory for what must not leak: pages that no core dump holds, that are locked, so that they are never
// swapped out, and that are wiped before they are given back. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum secrecy {
	SECRECY_NONE,   // ordinary memory
	SECRECY_TRIED,  // locked as far as RLIMIT_MEMLOCK lets it be
	SECRECY_LOCKED, // none at all rather than memory that is not locked
};

// Zeroed whole pages for at least `bytes`. NULL: errno is ENOMEM, or EPERM where it could not be locked (or
// kept out of core dumps) and must be. Not for SECRECY_NONE.
void *secret_alloc(size_t bytes, enum secrecy secrecy);
// `bytes` as they were asked for; NULL is fine.
void secret_free(void *block, size_t bytes);
