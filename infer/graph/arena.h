// SPDX-License-Identifier: BSD-3-Clause
// Memory that is given back all at once: graphs, parsed files. A budget bounds what a hostile file
// can make us allocate. One thread; blocks are zeroed and 64-byte aligned; NULL when the budget or
// the memory is used up.
#pragma once

#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct arena *arena_create(size_t budget_bytes);
// Of memory as base/secret.h has it, wiped in the end: for what an encrypted image holds.
struct arena *arena_create_secret(size_t budget_bytes, enum secrecy secrecy);
// Did an allocation fail for want of memory that can be locked?
bool arena_lacks_locked(const struct arena *arena);
// Memory of the arena's kind that is given back before the rest of it, and does not count. Not zeroed; 64-byte
// aligned. NULL without memory.
void *arena_lend(struct arena *arena, size_t bytes);
void arena_give_back(struct arena *arena, void *block); // NULL is fine
void arena_destroy(struct arena *arena);                // NULL is fine
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_calloc(struct arena *arena, size_t count, size_t bytes); // overflow-checked
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t bytes);
// Takes over a malloc'ed block of as many bytes, which it frees in the end; neither zeroed nor aligned
// more than it was. False: the budget is used up, or the arena's memory is secret, and the block stays the caller's.
bool arena_adopt(struct arena *arena, void *block, size_t bytes);
void *arena_memdup(struct arena *arena, const void *data, size_t bytes);
