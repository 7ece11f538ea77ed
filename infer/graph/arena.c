// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/arena.h"

#include "base/align.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN       ((size_t)64)
#define ARENA_CHUNK_BYTES ((size_t)64 << 10)

struct chunk { // its header takes the first ARENA_ALIGN bytes
	struct chunk *next;
	size_t size, used; // header included
};

struct adopted {
	struct adopted *next;
	void *block;
};

struct arena {
	struct chunk *chunks; // the newest first; only the newest is still filled
	struct adopted *adopted;
	size_t budget, used;
	enum secrecy secrecy;
	bool lacks_locked;
};

struct arena *arena_create(size_t budget_bytes)
{
	return arena_create_secret(budget_bytes, SECRECY_NONE);
}

struct arena *arena_create_secret(size_t budget_bytes, enum secrecy secrecy)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena) {
		arena->budget = budget_bytes;
		arena->secrecy = secrecy;
	}
	return arena;
}

bool arena_lacks_locked(const struct arena *arena)
{
	return arena->lacks_locked;
}

// Whole multiples of ARENA_ALIGN.
static void *arena_take(struct arena *arena, size_t bytes)
{
	void *block;

	if (arena->secrecy == SECRECY_NONE)
		return aligned_alloc(ARENA_ALIGN, bytes);
	block = secret_alloc(bytes, arena->secrecy);
	if (!block && errno == EPERM)
		arena->lacks_locked = true;
	return block;
}

static void arena_release(const struct arena *arena, void *block, size_t bytes)
{
	if (arena->secrecy == SECRECY_NONE)
		free(block);
	else
		secret_free(block, bytes);
}

void arena_destroy(struct arena *arena)
{
	if (!arena)
		return;
	for (const struct adopted *a = arena->adopted; a; a = a->next)
		free(a->block); // the list itself is in the chunks
	while (arena->chunks) {
		struct chunk *next = arena->chunks->next;

		arena_release(arena, arena->chunks, arena->chunks->size);
		arena->chunks = next;
	}
	free(arena);
}

static struct chunk *chunk_create(struct arena *arena, size_t bytes)
{
	size_t size = ARENA_ALIGN + bytes;
	struct chunk *chunk = arena_take(arena, size);

	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->used = ARENA_ALIGN;
	return chunk;
}

// A big block gets a chunk of its own, second in the list, so that the newest is still filled.
static struct chunk *chunk_for(struct arena *arena, size_t bytes)
{
	struct chunk *newest = arena->chunks, *chunk;
	bool big = bytes > ARENA_CHUNK_BYTES / 4;

	if (newest && newest->size - newest->used >= bytes)
		return newest;
	chunk = chunk_create(arena, big ? bytes : ARENA_CHUNK_BYTES);
	if (!chunk)
		return NULL;
	if (big && newest) {
		chunk->next = newest->next;
		newest->next = chunk;
	} else {
		chunk->next = newest;
		arena->chunks = chunk;
	}
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct chunk *chunk;
	size_t rounded;
	void *block;

	if (bytes > SIZE_MAX - 2 * ARENA_ALIGN)
		return NULL;
	rounded = bytes ? align_up(bytes, ARENA_ALIGN) : ARENA_ALIGN;
	if (rounded > arena->budget - arena->used)
		return NULL;
	chunk = chunk_for(arena, rounded);
	if (!chunk)
		return NULL;
	block = (char *)chunk + chunk->used;
	chunk->used += rounded;
	arena->used += rounded;
	return memset(block, 0, rounded);
}

bool arena_adopt(struct arena *arena, void *block, size_t bytes)
{
	struct adopted *adopted = arena_alloc(arena, sizeof(*adopted));

	if (!adopted || arena->secrecy != SECRECY_NONE || bytes > arena->budget - arena->used)
		return false;
	*adopted = (struct adopted){ arena->adopted, block };
	arena->adopted = adopted;
	arena->used += bytes;
	return true;
}

void *arena_calloc(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return arena_alloc(arena, total);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t bytes)
{
	// An empty text of a protobuf is NULL.
	size_t length = bytes ? strnlen(text, bytes) : 0;
	char *copy = arena_alloc(arena, length + 1);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

void *arena_memdup(struct arena *arena, const void *data, size_t bytes)
{
	void *copy = arena_alloc(arena, bytes);

	if (copy && bytes)
		memcpy(copy, data, bytes);
	return copy;
}

void *arena_lend(struct arena *arena, size_t bytes)
{
	struct chunk *chunk;

	if (bytes > SIZE_MAX - 2 * ARENA_ALIGN)
		return NULL;
	chunk = chunk_create(arena, align_up(bytes, ARENA_ALIGN));
	return chunk ? (char *)chunk + ARENA_ALIGN : NULL;
}

void arena_give_back(struct arena *arena, void *block)
{
	struct chunk *chunk = block ? (void *)((char *)block - ARENA_ALIGN) : NULL;

	if (chunk)
		arena_release(arena, chunk, chunk->size);
}
