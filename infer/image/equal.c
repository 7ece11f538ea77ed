// SPDX-License-Identifier: BSD-3-Clause
// Only constants that have as many bytes as another are hashed. The hash is keyed, so that no file can
// make different constants collide: comparing them with each other would take hours.
#include "infer/image/equal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct equal_entry {
	size_t bytes;
	uint64_t hash;
	uint32_t tensor;
};

static int equal_order(const void *a, const void *b)
{
	const struct equal_entry *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->tensor < y->tensor ? -1 : x->tensor > y->tensor;
}

static void equal_hash(const struct graph *graph, struct equal_entry *entry, const uint8_t *key)
{
	unsigned char hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, graph->tensors[entry->tensor].data, entry->bytes, key);
	memcpy(&entry->hash, hash, sizeof(entry->hash));
}

static uint32_t equal_collect(const struct graph *graph, struct equal_entry *entries)
{
	uint8_t key[crypto_shorthash_KEYBYTES];
	uint32_t n = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		if (graph->tensors[t].data && tensor_bytes(&graph->tensors[t]) > 0)
			entries[n++] =
				(struct equal_entry){ .bytes = tensor_bytes(&graph->tensors[t]),
					.tensor = t };
	}
	qsort(entries, n, sizeof(*entries), equal_order);
	randombytes_buf(key, sizeof(key));
	for (uint32_t i = 0; i < n; i++) {
		if ((i > 0 && entries[i - 1].bytes == entries[i].bytes) ||
			(i + 1 < n && entries[i + 1].bytes == entries[i].bytes))
			equal_hash(graph, &entries[i], key);
	}
	qsort(entries, n, sizeof(*entries), equal_order);
	return n;
}

int image_find_equal(const struct graph *graph, uint32_t *first, struct error *err)
{
	struct equal_entry *entries = malloc(((size_t)graph->n_tensors + 1) * sizeof(*entries));
	const struct equal_entry *leader = entries;
	uint32_t n;

	if (!entries || sodium_init() < 0) {
		free(entries);
		return error_set(err, -ENOMEM, "no memory to compare the model's constants");
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		first[t] = t;
	n = equal_collect(graph, entries);
	for (const struct equal_entry *entry = entries; entry < entries + n; entry++) {
		if (entry->bytes == leader->bytes && entry->hash == leader->hash &&
			memcmp(graph->tensors[entry->tensor].data,
				graph->tensors[leader->tensor].data, entry->bytes) == 0)
			first[entry->tensor] = leader->tensor;
		else
			leader = entry;
	}
	free(entries);
	return 0;
}
