// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fair/fair.h"

#include "dataplane/wire.h"
#include "infer/infer.h"

#define REQUEST_CYCLES     500  // what a request takes beside its rows
#define ROW_CYCLES_UNKNOWN 2000 // of a model that has not been measured yet

void fair_init(struct fair *fair, const struct hash_key *key, const struct fair_costs *costs,
	uint64_t tsc_hz)
{
	memset(fair, 0, sizeof(*fair));
	table_init(&fair->table, key, tsc_hz);
	pressure_init(&fair->pressure, tsc_hz);
	fair->costs = costs;
	fair->ahead_cycles = tsc_hz / 1000000 * FAIR_AHEAD_US;
}

static inline const struct wire_header *fair_header(
	const struct rte_mbuf *m, const struct packet *p)
{
	return rte_pktmbuf_mtod_offset(m, const struct wire_header *, p->payload_offset);
}

// Rows that its datagram holds: what it merely claims is not put down to whoever's address it bears.
static inline uint32_t fair_rows(const struct packet *p, const struct wire_header *header)
{
	return wire_request_is_whole(header, row_dtype_bytes(header->dtype), p->payload_bytes)
		? header->rows
		: 0;
}

static inline uint64_t fair_cost(const struct fair *fair, uint16_t model, uint32_t rows)
{
	const uint32_t measured =
		atomic_load_explicit(&fair->costs->row_cycles[model], memory_order_relaxed);

	return REQUEST_CYCLES + (uint64_t)rows * (measured ? measured : ROW_CYCLES_UNKNOWN);
}

static inline void fair_count_second(
	const struct fair *fair, struct table_entry *entry, uint64_t now)
{
	entry->second_requests++;
	if (likely((int64_t)(now - entry->second) < (int64_t)fair->table.second_cycles))
		return;
	entry->a_second = (uint32_t)((double)entry->second_requests *
		(double)fair->table.second_cycles / (double)(now - entry->second));
	entry->second = now;
	entry->second_requests = 0;
}

// Both or neither are taken.
static inline bool fair_takes_rate(
	struct table_entry *entry, const struct rule *rule, uint32_t rows, uint64_t now)
{
	const uint32_t tokens = table_price(entry);

	if (meter_is_off(&rule->requests)) {
		if (meter_is_off(&rule->rows) || !rows)
			return true;
		return meter_takes(&entry->rows, &rule->rows, now, rows * tokens);
	}
	if (!meter_takes(&entry->requests, &rule->requests, now, tokens))
		return false;
	if (meter_is_off(&rule->rows) || !rows ||
		meter_takes(&entry->rows, &rule->rows, now, rows * tokens))
		return true;
	meter_give_back(&entry->requests, tokens);
	return false;
}

// What a request takes of its client's part of the time.
static inline uint64_t fair_charge(
	const struct fair *fair, const struct rule *rule, uint16_t model, uint32_t rows)
{
	const uint64_t cost = fair_cost(fair, model, rows);

	return (cost * fair->pressure.stretch / PRESSURE_ONE) * rule->stretch / RULES_SHARE_ONE;
}

static inline bool fair_is_over_share(
	const struct fair *fair, const struct table_entry *account, uint64_t charge, uint64_t now)
{
	const uint64_t requests = account == &fair->table.rest ? 0 : FAIR_AHEAD_REQUESTS * charge;

	return account->due > now && account->due - now > RTE_MAX(fair->ahead_cycles, requests);
}

static bool fair_admits(struct fair *fair, const struct rules *rules, struct table_entry *entry,
	const struct wire_header *header, uint32_t rows, uint64_t now,
	struct dataplane_counters *counters)
{
	const struct rule *rule = &rules->rules[entry->rule];
	struct table_entry *account = entry->is_known ? entry : &fair->table.rest;
	const bool is_limited = fair->pressure.stretch && rule->stretch;
	const uint64_t charge = is_limited ? fair_charge(fair, rule, header->model, rows) : 0;

	if (is_limited && fair_is_over_share(fair, account, charge, now)) {
		entry->counts.over_share++;
		counters->over_share++;
		return false;
	}
	if (rules->has_rates && likely(entry != &fair->table.rest)) {
		if (!fair_takes_rate(entry, rule, rows, now)) {
			entry->counts.over_rate++;
			counters->over_rate++;
			return false;
		}
	}
	if (is_limited)
		account->due = RTE_MAX(account->due, now) + charge;
	return true;
}

// Most requests are of the client that the one before was of.
static inline struct table_entry *fair_find(
	struct fair *fair, const struct rules *rules, const struct client *client, uint64_t now)
{
	const bool is_last = client_is(client, &fair->last);

	if (likely(is_last && fair->entry && fair->entry->generation == rules->generation))
		return fair->entry;
	if (!is_last && CLIENT_KIND(fair->last.where) != CLIENT_NONE)
		fair->pressure.contended_until = now + fair->pressure.contended_cycles;
	fair->last = *client;
	fair->entry = table_find(&fair->table, rules, client, now);
	if (fair->entry != &fair->table.rest)
		return fair->entry;
	fair->entry = NULL; // it may get a place the next time
	return &fair->table.rest;
}

static inline bool fair_takes(struct fair *fair, const struct rules *rules, struct rte_mbuf *m,
	uint16_t port, uint64_t now, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	const struct wire_header *header = fair_header(m, p);
	const struct client client = client_of(m, p, port);
	const uint32_t rows = fair_rows(p, header);
	struct table_entry *entry = fair_find(fair, rules, &client, now);

	entry->last = now;
	entry->counts.requests++;
	entry->counts.rows += rows;
	if (unlikely(!entry->is_known) && entry != &fair->table.rest)
		entry->is_known = entry->counts.requests >= TABLE_KNOWN_REQUESTS;
	fair_count_second(fair, entry, now);
	return fair_admits(fair, rules, entry, header, rows, now, counters);
}

uint16_t fair_burst(struct fair *fair, const struct rules *rules, uint16_t port,
	struct rte_mbuf **mbufs, uint16_t n, uint64_t now, struct dataplane_counters *counters,
	struct rte_mbuf **refused, uint16_t *n_refused)
{
	uint16_t n_taken = 0, n_over = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct packet *p = packet_of(mbufs[i]);

		if (likely(fair_takes(fair, rules, mbufs[i], port, now, counters))) {
			mbufs[n_taken++] = mbufs[i];
			continue;
		}
		p->kind = PACKET_RESULT;
		p->status = WIRE_STATUS_BUSY;
		p->stats = NULL;
		p->done = false;
		refused[n_over++] = mbufs[i];
	}
	*n_refused = n_over;
	return n_taken;
}
