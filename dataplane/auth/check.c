// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/check.h"

struct auth_checks { // of a burst: the tags to be made
	uint16_t n;
	struct siphash_job jobs[BURST_MAX];
	const struct auth_key *keys[BURST_MAX];
	uint16_t at[BURST_MAX]; // of its mbuf
};

static inline const struct wire_header *auth_header(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const struct wire_header *, packet_of(m)->payload_offset);
}

// Without a model in service there is nothing to protect: admit.c looks again when it chooses one.
static enum drop auth_check_plain(const struct wire_header *header, const struct auth_table *table,
	const struct registry *registry)
{
	const struct model_route *route;

	if (table->requires_all)
		return DROP_AUTH_MISSING;
	if (header->type == WIRE_TYPE_PING)
		return DROP_NONE;
	route = registry_route(registry, header->model);
	return route && auth_requires(table, route->live->name_hash) ? DROP_AUTH_MISSING
								     : DROP_NONE;
}

static inline enum drop auth_begin_check(struct rte_mbuf *m, const struct wire_header *header,
	const struct auth_table *table, struct auth_checks *checks, uint16_t at)
{
	const struct auth_key *key = auth_find(table, header->key_id);
	const uint32_t bytes = packet_of(m)->payload_bytes;
	struct siphash_job *job = &checks->jobs[checks->n];

	if (unlikely(bytes < WIRE_HEADER_BYTES + AUTH_TRAILER_BYTES))
		return DROP_AUTH_SHORT;
	if (unlikely(!key))
		return DROP_AUTH_UNKNOWN_KEY;
	if (unlikely(atomic_load_explicit(&key->state, memory_order_relaxed) != WIRE_KEY_VALID))
		return DROP_AUTH_KEY_NOT_VALID;
	job->bytes = (const uint8_t *)header;
	job->length = bytes - (uint32_t)sizeof(uint64_t);
	job->key[0] = key->secret[0];
	job->key[1] = key->secret[1];
	checks->keys[checks->n] = key;
	checks->at[checks->n++] = at;
	return DROP_NONE;
}

// The largest counter of those that one key's datagrams in a row have.
struct auth_raise {
	struct window *window; // NULL: none yet
	uint64_t most;
};

static inline void auth_raise_end(const struct auth_raise *raise)
{
	if (raise->window)
		window_raise(raise->window, raise->most);
}

static inline void auth_raise_add(struct auth_raise *raise, struct window *window, uint64_t counter)
{
	if (raise->window != window) {
		auth_raise_end(raise);
		*raise = (struct auth_raise){ window, 0 };
	}
	raise->most = RTE_MAX(raise->most, counter);
}

static inline enum drop auth_end_check(struct rte_mbuf *m, const struct siphash_job *job,
	const struct auth_key *key, struct auth_raise *raise)
{
	struct packet *p = packet_of(m);
	uint64_t tag, counter;

	memcpy(&tag, job->bytes + job->length, sizeof(tag));
	memcpy(&counter, job->bytes + job->length - sizeof(counter), sizeof(counter));
	// One comparison of whole registers takes as long whichever bits differ.
	if (unlikely(tag ^ job->tag))
		return DROP_AUTH_BAD_TAG;
	if (unlikely(!window_mark(key->window, counter)))
		return DROP_AUTH_REPLAYED;
	auth_raise_add(raise, key->window, counter);
	p->key = key->id;
	p->payload_bytes -= AUTH_TRAILER_BYTES;
	return DROP_NONE;
}

static uint16_t auth_drop_bad(struct rte_mbuf **mbufs, uint16_t n, const uint8_t *drops,
	struct dataplane_counters *counters)
{
	uint16_t n_good = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (drops[i] == DROP_NONE) {
			mbufs[n_good++] = mbufs[i];
			continue;
		}
		counters->drops[drops[i]]++;
		rte_pktmbuf_free(mbufs[i]);
	}
	return n_good;
}

uint16_t auth_check(struct rte_mbuf **mbufs, uint16_t n, const struct auth *auth,
	const struct registry *registry, struct dataplane_counters *counters)
{
	const struct auth_table *table = auth_table(auth);
	uint8_t drops[BURST_MAX];
	struct auth_raise raise = { NULL, 0 };
	struct auth_checks checks;
	uint16_t n_bad = 0;

	_Static_assert(DROP_COUNT <= UINT8_MAX, "a drop is kept in a byte");
	checks.n = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct wire_header *header = auth_header(mbufs[i]);

		if (header->flags & WIRE_FLAG_AUTHENTICATED)
			drops[i] = auth_begin_check(mbufs[i], header, table, &checks, i);
		else
			drops[i] = table->demands ? auth_check_plain(header, table, registry)
						  : DROP_NONE;
		n_bad += drops[i] != DROP_NONE;
	}
	siphash_many(auth->siphash, checks.jobs, checks.n);
	for (uint16_t i = 0; i < checks.n; i++) {
		const uint16_t at = checks.at[i];

		drops[at] = auth_end_check(mbufs[at], &checks.jobs[i], checks.keys[i], &raise);
		n_bad += drops[at] != DROP_NONE;
	}
	auth_raise_end(&raise);
	return n_bad ? auth_drop_bad(mbufs, n, drops, counters) : n;
}
