// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow/table.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX

// The two ends in an order of their own, the lower one first, so that both directions have one key.
struct table_key {
	struct packet_end low;
	struct packet_end high;
	uint8_t protocol;
	uint8_t ip_version;
	uint8_t padding[2]; // zero: keys are compared and hashed as bytes
};

// An entry is known by its index. It is either in the chain of its bucket and in one of the two
// lists, or in the list of free ones.
struct table_entry {
	uint32_t chain_next;
	uint32_t older;
	uint32_t newer;
	uint32_t bucket;
	struct table_key key;
	struct flow flow;
};

// Flows in the order of their last packet: the one that times out first is the oldest.
struct table_list {
	uint32_t oldest;
	uint32_t newest;
};

struct flow_table {
	struct flow_table_options options;
	struct flow_table_stats stats;
	struct table_list open;
	struct table_list closed;
	uint32_t free; // chained by chain_next
	uint32_t bucket_mask;
	uint64_t now_ns; // time of the packet at hand
	uint32_t *buckets;
	struct table_entry *entries;
};

const char *flow_end_name(enum flow_end end)
{
	static const char *const names[] = {
#define X(end, name) [end] = name,
		FLOW_END_LIST(X)
#undef X
	};

	return names[end];
}

static void table_make_key(struct table_key *key, const struct flow_packet *packet)
{
	int order = memcmp(packet->source.address, packet->destination.address, 16);
	bool swap = order > 0 || (order == 0 && packet->source.port > packet->destination.port);

	memset(key, 0, sizeof(*key));
	key->low = swap ? packet->destination : packet->source;
	key->high = swap ? packet->source : packet->destination;
	key->protocol = packet->protocol;
	key->ip_version = packet->ip_version;
}

// SipHash-2-4. Without the seed nobody can choose keys that fall into one chain.
static uint32_t table_hash(const struct table_key *key, const uint8_t seed[FLOW_TABLE_SEED_BYTES])
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t low;

	crypto_shorthash(hash, (const uint8_t *)key, sizeof(*key), seed);
	memcpy(&low, hash, sizeof(low));
	return low;
}
_Static_assert(FLOW_TABLE_SEED_BYTES == crypto_shorthash_KEYBYTES, "the seed is the key");

static struct table_list *table_list_of(struct flow_table *table, const struct table_entry *entry)
{
	return entry->flow.closed ? &table->closed : &table->open;
}

static void table_append(struct flow_table *table, struct table_list *list, uint32_t at)
{
	struct table_entry *entry = &table->entries[at];

	entry->newer = NOBODY;
	entry->older = list->newest;
	if (list->newest != NOBODY)
		table->entries[list->newest].newer = at;
	else
		list->oldest = at;
	list->newest = at;
}

static void table_remove(struct flow_table *table, struct table_list *list, uint32_t at)
{
	const struct table_entry *entry = &table->entries[at];

	if (entry->older != NOBODY)
		table->entries[entry->older].newer = entry->newer;
	else
		list->oldest = entry->newer;
	if (entry->newer != NOBODY)
		table->entries[entry->newer].older = entry->older;
	else
		list->newest = entry->older;
}

static void table_hand_out(struct flow_table *table, const struct flow *flow, enum flow_end end)
{
	table->stats.ended[end]++;
	table->options.emit(table->options.context, flow, end);
}

// Emits the flow and frees its entry.
static void table_end(struct flow_table *table, uint32_t at, enum flow_end end)
{
	struct table_entry *entry = &table->entries[at];
	uint32_t *link = &table->buckets[entry->bucket];

	table_hand_out(table, &entry->flow, entry->flow.closed ? FLOW_END_CLOSED : end);
	table_remove(table, table_list_of(table, entry), at);
	while (*link != at)
		link = &table->entries[*link].chain_next;
	*link = entry->chain_next;
	entry->chain_next = table->free;
	table->free = at;
	table->stats.live--;
}

static bool table_ran_out(const struct flow_table *table, uint32_t at, uint64_t limit_ns)
{
	uint64_t last_ns;

	if (at == NOBODY)
		return false;
	last_ns = table->entries[at].flow.last_ns;
	return table->now_ns > last_ns && table->now_ns - last_ns >= limit_ns;
}

void flow_table_expire(struct flow_table *table, uint64_t now_ns, uint32_t budget)
{
	// Taken from the packet at hand even where it steps back: one packet from the far future
	// must not make all that follow look old.
	table->now_ns = now_ns;
	for (; budget && table_ran_out(table, table->closed.oldest, table->options.linger_ns);
		budget--)
		table_end(table, table->closed.oldest, FLOW_END_CLOSED);
	for (; budget && table_ran_out(table, table->open.oldest, table->options.idle_ns); budget--)
		table_end(table, table->open.oldest, FLOW_END_IDLE);
}

static uint32_t table_find(
	const struct flow_table *table, uint32_t bucket, const struct table_key *key)
{
	uint32_t at = table->buckets[bucket];

	while (at != NOBODY && memcmp(&table->entries[at].key, key, sizeof(*key)) != 0)
		at = table->entries[at].chain_next;
	return at;
}

// Takes a free entry and begins a flow with `packet` in it. A full table hands out the flow that
// has been silent longest, closed ones first.
static uint32_t table_begin(struct flow_table *table, uint32_t bucket, const struct table_key *key,
	const struct flow_packet *packet)
{
	struct table_entry *entry;
	uint32_t at;

	if (table->free == NOBODY)
		table_end(table,
			table->closed.oldest != NOBODY ? table->closed.oldest : table->open.oldest,
			FLOW_END_EVICTED);
	at = table->free;
	entry = &table->entries[at];
	table->free = entry->chain_next;
	entry->key = *key;
	entry->bucket = bucket;
	entry->chain_next = table->buckets[bucket];
	table->buckets[bucket] = at;
	flow_begin(&entry->flow, packet);
	table_append(table, &table->open, at);
	table->stats.flows++;
	table->stats.live++;
	return at;
}

// Whether a flow has reached the age at which it is handed out although it goes on.
static bool table_is_old(const struct flow_table *table, const struct flow *flow)
{
	return table->options.active_ns && flow_packets(flow) && !flow->closed &&
		table->now_ns > flow->first_ns &&
		table->now_ns - flow->first_ns >= table->options.active_ns;
}

// Whether this packet begins a new flow although the entry of the old one between the same ends is
// still there.
static bool table_begins_anew(const struct flow *flow, const struct flow_packet *packet)
{
	return flow->closed && (packet->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN;
}

void flow_table_add(struct flow_table *table, const struct flow_packet *packet)
{
	struct table_entry *entry;
	struct table_key key;
	uint32_t bucket, at;

	// A packet begins one flow at most, so that ending up to two a packet keeps pace with any
	// rate.
	flow_table_expire(table, packet->time_ns, 2);
	table->stats.packets++;
	table_make_key(&key, packet);
	bucket = table_hash(&key, table->options.seed) & table->bucket_mask;
	at = table_find(table, bucket, &key);
	if (at != NOBODY &&
		(table_ran_out(table, at, table->options.idle_ns) ||
			table_begins_anew(&table->entries[at].flow, packet))) {
		table_end(table, at, FLOW_END_IDLE);
		at = NOBODY;
	}
	if (at == NOBODY)
		at = table_begin(table, bucket, &key, packet);
	entry = &table->entries[at];
	table_remove(table, table_list_of(table, entry), at);
	if (table_is_old(table, &entry->flow)) {
		table_hand_out(table, &entry->flow, FLOW_END_ACTIVE);
		flow_continue(&entry->flow);
		table->stats.flows++;
	}
	flow_add(&entry->flow, packet);
	table_append(table, table_list_of(table, entry), at);
}

void flow_table_flush(struct flow_table *table)
{
	while (table->closed.oldest != NOBODY)
		table_end(table, table->closed.oldest, FLOW_END_CLOSED);
	while (table->open.oldest != NOBODY)
		table_end(table, table->open.oldest, FLOW_END_FLUSHED);
}

const struct flow_table_stats *flow_table_stats(const struct flow_table *table)
{
	return &table->stats;
}

int flow_table_create(
	const struct flow_table_options *options, struct flow_table **out, struct error *err)
{
	struct flow_table *table;
	uint32_t buckets = 1;

	if (options->capacity < 1 || options->capacity > FLOW_TABLE_CAPACITY_MAX)
		return error_set(err, -EINVAL, "a flow table of %u flows: 1 to %u would be right",
			options->capacity, FLOW_TABLE_CAPACITY_MAX);
	if (!options->idle_ns || !options->emit)
		return error_set(err, -EINVAL,
			"a flow table needs an idle timeout above 0 and somewhere to hand flows "
			"to");
	while (buckets < options->capacity)
		buckets *= 2;
	table = calloc(1, sizeof(*table));
	if (table) {
		table->entries = calloc(options->capacity, sizeof(*table->entries));
		table->buckets = malloc(buckets * sizeof(*table->buckets));
	}
	if (!table || !table->entries || !table->buckets) {
		flow_table_destroy(table);
		return error_set(err, -ENOMEM, "no memory for a flow table of %u flows (%zu MiB)",
			options->capacity, options->capacity * sizeof(struct table_entry) >> 20);
	}
	table->options = *options;
	table->bucket_mask = buckets - 1;
	table->open = table->closed = (struct table_list){ NOBODY, NOBODY };
	memset(table->buckets, 0xff, buckets * sizeof(*table->buckets)); // NOBODY
	for (uint32_t i = 0; i < options->capacity; i++)
		table->entries[i].chain_next = i + 1 < options->capacity ? i + 1 : NOBODY;
	*out = table;
	return 0;
}

void flow_table_destroy(struct flow_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->buckets);
	free(table);
}
