// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/clients.h"

#include <rte_malloc.h>
#include <stdlib.h>
#include <sys/random.h>

// Pairs of places that are compared in a tick, so that it takes well under a millisecond.
#define PAIRS_A_TICK (1u << 20)

// --- Their tables --------------------------------------------------------------------------------

int clients_create(uint32_t n, uint64_t tsc_hz, struct rte_rcu_qsbr *qsbr, struct clients **out,
	struct error *err)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	struct hash_key key;

	if (!clients)
		return error_set(err, -ENOMEM, "no memory for the limits of clients");
	clients->tsc_hz = tsc_hz;
	clients->qsbr = qsbr;
	clients->was = calloc((size_t)n * TABLE_ENTRIES, sizeof(*clients->was));
	if (getrandom(&key, sizeof(key), 0) != sizeof(key)) {
		const int rc = -errno;

		clients_destroy(clients);
		return error_set(
			err, rc, "the kernel gives no random key for the table of clients");
	}
	for (uint32_t i = 0; i < n && clients->was; i++) {
		clients->fairs[i] =
			rte_malloc("clients", sizeof(*clients->fairs[i]), RTE_CACHE_LINE_SIZE);
		if (!clients->fairs[i])
			break;
		fair_init(clients->fairs[i], &key, &clients->costs, tsc_hz);
		clients->n++;
	}
	if (clients->n < n) {
		clients_destroy(clients);
		return error_set(err, -ENOMEM,
			"the tables of clients, %zu KiB a polling lcore, do not fit "
			"memory.megabytes: raise it, or say \"auto\"",
			sizeof(struct fair) / 1024);
	}
	*out = clients;
	return 0;
}

void clients_destroy(struct clients *clients)
{
	if (!clients)
		return;
	for (struct rules *rules = clients->retired, *next; rules; rules = next) {
		next = rules->next_retired;
		rules_destroy(rules);
	}
	rules_destroy(clients->current);
	for (uint32_t i = 0; i < clients->n; i++)
		rte_free(clients->fairs[i]);
	free(clients->was);
	free(clients);
}

// --- Their limits --------------------------------------------------------------------------------

int clients_limit(struct clients *clients, const struct config_clients *config, struct error *err)
{
	struct rules *rules, *old = clients->current;
	const int rc = rules_create(config, clients->generation + 1, clients->tsc_hz, &rules, err);

	if (rc != 0)
		return rc;
	clients->generation++;
	clients->current = rules;
	atomic_store_explicit(&clients->rules, rules, memory_order_release);
	if (old) {
		old->grace_token = clients->qsbr ? rte_rcu_qsbr_start(clients->qsbr) : 0;
		old->next_retired = clients->retired;
		clients->retired = old;
	}
	clients_reclaim(clients);
	return 0;
}

void clients_reclaim(struct clients *clients)
{
	struct rules **at = &clients->retired, *rules;

	while ((rules = *at)) {
		if (clients->qsbr &&
			!rte_rcu_qsbr_check(clients->qsbr, rules->grace_token, false)) {
			at = &rules->next_retired;
			continue;
		}
		*at = rules->next_retired;
		rules_destroy(rules);
	}
}

// --- Divided among lcores ------------------------------------------------------------------------

static struct clients_was *clients_was_of(
	const struct clients *clients, uint32_t lcore, uint32_t set, uint32_t way)
{
	return &clients->was[((size_t)lcore * TABLE_SETS + set) * TABLE_WAYS + way];
}

struct clients_seen { // since they were looked at last
	uint64_t hash, requests;
	struct table_entry *entry;
};

static uint32_t clients_look(struct clients *clients, uint32_t set, struct clients_seen *seen)
{
	uint32_t n = 0;

	for (uint32_t lcore = 0; lcore < clients->n; lcore++)
		for (uint32_t way = 0; way < TABLE_WAYS; way++) {
			struct clients_was *was = clients_was_of(clients, lcore, set, way);
			struct table *table = &clients->fairs[lcore]->table;
			struct table_view view;
			bool goes_on;

			if (!table_read(table, set, way, &view)) {
				was->hash = 0;
				continue;
			}
			// One that was displaced and has come back is counted anew.
			goes_on = was->hash == view.hash && was->requests <= view.counts.requests;
			seen[n++] = (struct clients_seen){ .hash = view.hash,
				.requests = view.counts.requests - (goes_on ? was->requests : 0),
				.entry = &table->entries[set][way] };
			*was = (struct clients_was){ view.hash, view.counts.requests };
		}
	return n;
}

// An lcore at which none of a client's requests arrived may give all of its rate, should they come there next.
static void clients_divide(struct clients *clients, uint32_t set)
{
	struct clients_seen seen[REGISTRY_LCORES * TABLE_WAYS];
	const uint32_t n = clients_look(clients, set, seen);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t all = 0, part;

		for (uint32_t k = 0; k < n; k++)
			all += seen[k].hash == seen[i].hash ? seen[k].requests : 0;
		part = seen[i].requests ? (seen[i].requests * TABLE_PARTS + all - 1) / all
					: TABLE_PARTS;
		table_set_price(seen[i].entry, seen[i].hash, (uint32_t)part);
	}
}

static void clients_measure(struct clients *clients, const struct registry *registry)
{
	for (uint32_t id = 0; (id = registry_next(registry, id)) > 0;) {
		const struct deployment *live = registry_lookup(registry, (uint16_t)id);
		uint32_t least = 0;

		for (uint32_t i = 0; i < registry->n_lcores; i++) {
			const uint32_t cycles =
				__atomic_load_n(&live->stats[i]->row_cycles, __ATOMIC_RELAXED);

			if (cycles && (!least || cycles < least))
				least = cycles;
		}
		if (least)
			atomic_store_explicit(
				&clients->costs.row_cycles[id], least, memory_order_relaxed);
	}
}

void clients_tick(struct clients *clients, const struct registry *registry)
{
	const uint32_t places = clients->n * TABLE_WAYS;
	uint32_t sets = RTE_MAX(PAIRS_A_TICK / (places * places), 1u);

	if (!clients->current)
		return;
	clients_measure(clients, registry);
	if (clients->n == 1 || !clients->current->has_rates)
		return;
	for (sets = RTE_MIN(sets, (uint32_t)TABLE_SETS); sets > 0; sets--) {
		clients_divide(clients, clients->next_set);
		clients->next_set = (clients->next_set + 1) % TABLE_SETS;
	}
}

// --- The busiest ---------------------------------------------------------------------------------

struct clients_row {
	struct table_view view;
	uint64_t second; // requests
};

static int clients_by_name(const void *left, const void *right)
{
	const struct client *a = &((const struct clients_row *)left)->view.client;
	const struct client *b = &((const struct clients_row *)right)->view.client;

	if (a->where != b->where)
		return a->where < b->where ? -1 : 1;
	return a->who < b->who ? -1 : a->who > b->who;
}

static int clients_by_work(const void *left, const void *right)
{
	const struct clients_row *a = left, *b = right;

	if (a->second != b->second)
		return a->second > b->second ? -1 : 1;
	if (a->view.counts.requests != b->view.counts.requests)
		return a->view.counts.requests > b->view.counts.requests ? -1 : 1;
	return clients_by_name(left, right);
}

static uint32_t clients_gather(
	const struct clients *clients, uint64_t now, struct clients_row *rows)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < clients->n; i++)
		for (uint32_t set = 0; set < TABLE_SETS; set++)
			for (uint32_t way = 0; way < TABLE_WAYS; way++) {
				struct clients_row *row = &rows[n];

				if (!table_read(&clients->fairs[i]->table, set, way, &row->view))
					continue;
				row->second = now - row->view.last < 2 * clients->tsc_hz
					? row->view.a_second
					: 0;
				n++;
			}
	return n;
}

// Adds up what several lcores have of the same client. Sorted by name before and after.
static uint32_t clients_merge(struct clients_row *rows, uint32_t n)
{
	uint32_t merged = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct clients_row *to = merged ? &rows[merged - 1] : NULL;

		if (!to || !client_is(&to->view.client, &rows[i].view.client)) {
			rows[merged++] = rows[i];
			continue;
		}
		to->view.counts.requests += rows[i].view.counts.requests;
		to->view.counts.rows += rows[i].view.counts.rows;
		to->view.counts.over_rate += rows[i].view.counts.over_rate;
		to->view.counts.over_share += rows[i].view.counts.over_share;
		to->view.is_known |= rows[i].view.is_known;
		to->second += rows[i].second;
	}
	return merged;
}

static void clients_fill(
	const struct clients *clients, struct client_info *info, const struct clients_row *row)
{
	const struct client *client = &row->view.client;
	const struct table_counts *counts = &row->view.counts;
	const enum client_kind kind = CLIENT_KIND(client->where);

	*info = (struct client_info){
		.key = kind == CLIENT_KEY ? (uint16_t)client->who : 0,
		.is_ipv6 = kind == CLIENT_IPV6,
		.port = CLIENT_PORT(client->where),
		.vlan = CLIENT_VLAN(client->where),
		.is_known = row->view.is_known,
		.requests = counts->requests,
		.rows = counts->rows,
		.over_rate = counts->over_rate,
		.over_share = counts->over_share,
		.a_second = row->second,
	};
	if (kind == CLIENT_IPV6) {
		const uint64_t network = rte_cpu_to_be_64(client->who);

		memcpy(&info->ipv6, &network, sizeof(network));
	} else {
		info->ipv4.s_addr = htonl((uint32_t)client->who);
	}
	if (clients->current)
		info->limit =
			clients->current->rules[rules_find(clients->current, client)].a_second;
}

static void clients_sum(const struct clients *clients, struct clients_info *all)
{
	*all = (struct clients_info){ .has_rates = clients->current && clients->current->has_rates,
		.has_shares = clients->current && clients->current->has_shares };
	for (uint32_t i = 0; i < clients->n; i++) {
		const struct fair *fair = clients->fairs[i];
		const struct table_counts *rest = &fair->table.rest.counts;
		const uint32_t stretch = __atomic_load_n(&fair->pressure.stretch, __ATOMIC_RELAXED);

		all->displaced += __atomic_load_n(&fair->table.displaced, __ATOMIC_RELAXED);
		all->rest_requests += __atomic_load_n(&rest->requests, __ATOMIC_RELAXED);
		all->rest_refused += __atomic_load_n(&rest->over_rate, __ATOMIC_RELAXED) +
			__atomic_load_n(&rest->over_share, __ATOMIC_RELAXED);
		all->n_busy += stretch > 0;
	}
}

uint32_t clients_busiest(const struct clients *clients, uint64_t now, struct client_info *infos,
	uint32_t max, struct clients_info *all)
{
	struct clients_row *rows = calloc((size_t)clients->n * TABLE_ENTRIES + 1, sizeof(*rows));
	uint32_t n;

	clients_sum(clients, all);
	if (!rows)
		return 0;
	n = clients_gather(clients, now, rows);
	qsort(rows, n, sizeof(*rows), clients_by_name);
	n = clients_merge(rows, n);
	qsort(rows, n, sizeof(*rows), clients_by_work);
	all->n = n;
	n = RTE_MIN(n, max);
	for (uint32_t i = 0; i < n; i++)
		clients_fill(clients, &infos[i], &rows[i]);
	free(rows);
	return n;
}
