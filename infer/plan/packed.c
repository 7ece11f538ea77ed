// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/packed.h"

#include <stdlib.h>
#include <string.h>

static struct packed_entry *packed_slot(
	const struct packed_table *table, const struct packed_key *key)
{
	uint64_t words[sizeof(*key) / sizeof(uint64_t)], hash = 0;
	size_t at;

	_Static_assert(sizeof(words) == sizeof(*key), "the key has no holes");
	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		hash = (hash ^ words[i] ^ hash >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	for (at = (size_t)(hash >> 20);; at++) {
		struct packed_entry *entry = &table->entries[at & (table->size - 1)];

		if (!entry->packed || memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
}

const void *packed_find(const struct packed_table *table, const struct packed_key *key)
{
	return table->size ? packed_slot(table, key)->packed : NULL;
}

static int packed_grow(struct packed_table *table, struct error *err)
{
	struct packed_table grown = { .size = table->size ? table->size * 2 : 64 };

	grown.entries = calloc(grown.size, sizeof(*grown.entries));
	if (!grown.entries)
		return error_set(err, -ENOMEM, "no memory for the plan");
	for (size_t i = 0; i < table->size; i++) {
		if (table->entries[i].packed)
			*packed_slot(&grown, &table->entries[i].key) = table->entries[i];
	}
	grown.count = table->count;
	free(table->entries);
	*table = grown;
	return 0;
}

int packed_keep(struct packed_table *table, const struct packed_key *key, const void *packed,
	struct error *err)
{
	struct packed_entry *entry;

	if (table->count * 2 >= table->size && packed_grow(table, err) != 0)
		return -ENOMEM;
	entry = packed_slot(table, key);
	table->count += !entry->packed;
	*entry = (struct packed_entry){ *key, packed };
	return 0;
}

void packed_fini(struct packed_table *table)
{
	free(table->entries);
	*table = (struct packed_table){ 0 };
}
