// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fair/table.h"

void table_init(struct table *table, const struct hash_key *key, uint64_t tsc_hz)
{
	memset(table, 0, sizeof(*table));
	table->key = *key;
	table->idle_cycles = TABLE_IDLE_SECONDS * tsc_hz;
	table->second_cycles = tsc_hz;
	table->random = key->k0 | 1;
}

// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016), seeded from the key.
static uint32_t table_random(struct table *table)
{
	uint64_t x = table->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	table->random = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1d) >> 32);
}

static bool table_is_idle(const struct table *table, const struct table_entry *entry, uint64_t now)
{
	return now > entry->last && now - entry->last > table->idle_cycles;
}

static uint64_t table_weight(const struct table_entry *entry)
{
	return entry->counts.requests + entry->inherited;
}

// Who makes room first: 0 whoever has gone, then strangers, then the known, and never the trusted.
static unsigned table_rank(const struct table *table, const struct table_entry *entry, uint64_t now)
{
	if (table_is_idle(table, entry, now))
		return 0;
	if (entry->is_trusted)
		return 3;
	return entry->is_known ? 2 : 1;
}

// The place for a client that is new; TABLE_WAYS: there is none.
static uint32_t table_place(struct table *table, uint32_t set, bool is_trusted, uint64_t now)
{
	unsigned least = 4;
	uint32_t place = TABLE_WAYS;

	for (uint32_t way = 0; way < TABLE_WAYS; way++) {
		const struct table_entry *entry = &table->entries[set][way];
		unsigned rank;

		if (!table->tags[set][way])
			return way;
		rank = table_rank(table, entry, now);
		if (rank < least ||
			(rank == least &&
				table_weight(entry) < table_weight(&table->entries[set][place]))) {
			least = rank;
			place = way;
		}
	}
	if (is_trusted ? least < 3 : least == 0)
		return place;
	if (least != 1)
		return TABLE_WAYS;
	return (uint64_t)table_random(table) * (table_weight(&table->entries[set][place]) + 1) >> 32
		? TABLE_WAYS
		: place;
}

static void table_follow_rules(struct table_entry *entry, const struct rules *rules, uint64_t now)
{
	const struct rule *rule;

	entry->rule = (uint16_t)rules_find(rules, &entry->client);
	entry->generation = rules->generation;
	rule = &rules->rules[entry->rule];
	entry->is_trusted = rule->is_named || CLIENT_KIND(entry->client.where) == CLIENT_KEY;
	meter_begin(&entry->requests, &rule->requests, now);
	meter_begin(&entry->rows, &rule->rows, now);
}

// The control thread takes an entry whose tag is the same before and after reading it.
static struct table_entry *table_enter(struct table *table, const struct rules *rules,
	const struct client *client, uint64_t hash, uint64_t now)
{
	const uint32_t set = (uint32_t)(hash % TABLE_SETS);
	const bool is_trusted = CLIENT_KIND(client->where) == CLIENT_KEY ||
		rules->rules[rules_find(rules, client)].is_named;
	const uint32_t way = table_place(table, set, is_trusted, now);
	struct table_entry *entry;
	uint64_t inherited = 0;

	if (way == TABLE_WAYS)
		return NULL;
	entry = &table->entries[set][way];
	if (table->tags[set][way]) {
		table->displaced++;
		if (!table_is_idle(table, entry, now))
			inherited = table_weight(entry);
	}
	__atomic_store_n(&table->tags[set][way], 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release);
	entry->client = *client;
	entry->hash = hash;
	entry->due = 0;
	entry->last = now;
	entry->inherited = inherited;
	entry->second = now;
	entry->second_requests = 0;
	entry->is_known = is_trusted;
	entry->counts = (struct table_counts){ 0 };
	entry->a_second = 0;
	table_follow_rules(entry, rules, now);
	__atomic_store_n(&table->tags[set][way], hash, __ATOMIC_RELEASE);
	table->entered++;
	return entry;
}

struct table_entry *table_find(
	struct table *table, const struct rules *rules, const struct client *client, uint64_t now)
{
	const uint64_t hash = hash_client(&table->key, client);
	const uint64_t *tags = table->tags[hash % TABLE_SETS];
	struct table_entry *entry = NULL;

	for (uint32_t way = 0; way < TABLE_WAYS; way++)
		if (tags[way] == hash)
			entry = &table->entries[hash % TABLE_SETS][way];
	if (unlikely(!entry || !client_is(&entry->client, client)))
		entry = entry ? NULL : table_enter(table, rules, client, hash, now);
	if (unlikely(!entry))
		entry = &table->rest;
	if (unlikely(entry->generation != rules->generation))
		table_follow_rules(entry, rules, now);
	return entry;
}

bool table_read(const struct table *table, uint32_t set, uint32_t way, struct table_view *view)
{
	const uint64_t *tag = &table->tags[set][way];
	const struct table_entry *entry = &table->entries[set][way];

	view->hash = __atomic_load_n(tag, __ATOMIC_ACQUIRE);
	if (!view->hash)
		return false;
	view->client.where = __atomic_load_n(&entry->client.where, __ATOMIC_RELAXED);
	view->client.who = __atomic_load_n(&entry->client.who, __ATOMIC_RELAXED);
	view->counts.requests = __atomic_load_n(&entry->counts.requests, __ATOMIC_RELAXED);
	view->counts.rows = __atomic_load_n(&entry->counts.rows, __ATOMIC_RELAXED);
	view->counts.over_rate = __atomic_load_n(&entry->counts.over_rate, __ATOMIC_RELAXED);
	view->counts.over_share = __atomic_load_n(&entry->counts.over_share, __ATOMIC_RELAXED);
	view->last = __atomic_load_n(&entry->last, __ATOMIC_RELAXED);
	view->a_second = __atomic_load_n(&entry->a_second, __ATOMIC_RELAXED);
	view->is_known = __atomic_load_n(&entry->is_known, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_acquire);
	return __atomic_load_n(tag, __ATOMIC_RELAXED) == view->hash;
}
