// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/replay_pending.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONE UINT32_MAX

struct replay_entry {
	struct replay_pending_key key;
	void *bytes; // NULL: the entry is free
	size_t size;
	uint64_t packet;
	uint32_t next; // of its bucket
};

struct replay_pending {
	struct replay_entry *entries; // [capacity]: a ring, in the order they came
	uint32_t *buckets;            // [2 * capacity]
	uint32_t capacity;
	uint32_t first, n; // of the ring, those free among them included
	size_t bytes;
	uint64_t left, forgotten;
	uint64_t seed;
};

int replay_pending_create(uint32_t capacity, struct replay_pending **out, struct error *err)
{
	struct replay_pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return error_set(err, -ENOMEM, "out of memory");
	pending->capacity = capacity ? capacity : REPLAY_PENDING_MAX;
	pending->entries = calloc(pending->capacity, sizeof(*pending->entries));
	pending->buckets = malloc(2 * (size_t)pending->capacity * sizeof(*pending->buckets));
	if (!pending->entries || !pending->buckets) {
		replay_pending_destroy(pending);
		return error_set(err, -ENOMEM, "out of memory");
	}
	memset(pending->buckets, 0xff, 2 * (size_t)pending->capacity * sizeof(*pending->buckets));
	if (getrandom(&pending->seed, sizeof(pending->seed), 0) != sizeof(pending->seed))
		pending->seed = 1; // offline, a guessable seed costs nothing but time
	*out = pending;
	return 0;
}

void replay_pending_destroy(struct replay_pending *pending)
{
	if (!pending)
		return;
	for (uint32_t i = 0; pending->entries && i < pending->capacity; i++)
		free(pending->entries[i].bytes);
	free(pending->entries);
	free(pending->buckets);
	free(pending);
}

static uint64_t replay_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t replay_mix_end(uint64_t hash, const struct packet_end *end)
{
	uint64_t words[2];

	memcpy(words, end->address, sizeof(words));
	return replay_mix(replay_mix(replay_mix(hash, words[0]), words[1]), end->port);
}

static uint32_t replay_bucket(
	const struct replay_pending *pending, const struct replay_pending_key *key)
{
	uint64_t hash = replay_mix_end(pending->seed, &key->client);

	hash = replay_mix_end(hash, &key->server);
	hash = replay_mix(hash, key->request_id);
	return (uint32_t)(replay_mix(hash, (uint64_t)key->model << 8 | key->ip_version) %
		(2 * pending->capacity));
}

static bool replay_end_is(const struct packet_end *a, const struct packet_end *b)
{
	return a->port == b->port && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static bool replay_key_is(const struct replay_pending_key *a, const struct replay_pending_key *b)
{
	return a->request_id == b->request_id && a->model == b->model &&
		a->ip_version == b->ip_version && replay_end_is(&a->client, &b->client) &&
		replay_end_is(&a->server, &b->server);
}

// Takes entry `index` out of its bucket; its bytes are the caller's.
static void *replay_unlink(struct replay_pending *pending, uint32_t index)
{
	struct replay_entry *entry = &pending->entries[index];
	uint32_t *link = &pending->buckets[replay_bucket(pending, &entry->key)];
	void *bytes = entry->bytes;

	while (*link != index)
		link = &pending->entries[*link].next;
	*link = entry->next;
	entry->bytes = NULL;
	pending->bytes -= entry->size;
	pending->left--;
	return bytes;
}

static void replay_forget_first(struct replay_pending *pending)
{
	if (pending->entries[pending->first].bytes) {
		free(replay_unlink(pending, pending->first));
		pending->forgotten++;
	}
	pending->first = (pending->first + 1) % pending->capacity;
	pending->n--;
}

bool replay_pending_put(struct replay_pending *pending, const struct replay_pending_key *key,
	uint64_t packet, const void *bytes, size_t size)
{
	uint64_t old_packet;
	size_t old_size;
	struct replay_entry *entry;
	uint32_t index, *bucket;
	void *copy = malloc(size + 1);

	if (!copy)
		return false;
	memcpy(copy, bytes, size);
	free(replay_pending_take(pending, key, &old_packet, &old_size));
	while (pending->n > 0 &&
		(pending->n == pending->capacity || pending->bytes + size > REPLAY_PENDING_BYTES))
		replay_forget_first(pending);
	index = (pending->first + pending->n++) % pending->capacity;
	entry = &pending->entries[index];
	bucket = &pending->buckets[replay_bucket(pending, key)];
	*entry = (struct replay_entry){
		.key = *key, .bytes = copy, .size = size, .packet = packet, .next = *bucket
	};
	*bucket = index;
	pending->bytes += size;
	pending->left++;
	return true;
}

void *replay_pending_take(struct replay_pending *pending, const struct replay_pending_key *key,
	uint64_t *packet, size_t *size)
{
	uint32_t index = pending->buckets[replay_bucket(pending, key)];

	while (index != NONE && !replay_key_is(&pending->entries[index].key, key))
		index = pending->entries[index].next;
	if (index == NONE)
		return NULL;
	*packet = pending->entries[index].packet;
	*size = pending->entries[index].size;
	return replay_unlink(pending, index);
}

uint64_t replay_pending_left(const struct replay_pending *pending)
{
	return pending->left;
}

uint64_t replay_pending_forgotten(const struct replay_pending *pending)
{
	return pending->forgotten;
}
