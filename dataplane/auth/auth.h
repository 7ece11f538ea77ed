// SPDX-License-Identifier: BSD-3-Clause
// Who may ask: the keys of authenticated datagrams, and which models answer no others. Lcores read one
// immutable table through one pointer; the control thread makes another where a key or a model is added and
// publishes it, and frees the old one after a grace period. What has been seen of a key's counters outlives the
// table, as long as its secret is the same (seen.h).
#pragma once

#include "base/error.h"
#include "base/trust/keys.h"
#include "config/settings.h"
#include "dataplane/auth/seen.h"
#include "dataplane/auth/siphash.h"
#include "dataplane/auth/window.h"
#include "dataplane/info.h"

#include <rte_rcu_qsbr.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define AUTH_TRAILER_BYTES 16 // a counter and a tag

struct auth_key {
	uint64_t secret[2];
	struct window *window; // shared with the key of the same id and secret in other tables
	uint32_t n_models;     // 0: it may use all
	uint16_t id;
	_Atomic(uint8_t) state; // enum wire_key_state; written by the control thread
	int64_t not_before, retires;
	int64_t latest; // that the clock has been since the key was read with these; the control thread's
	uint64_t models[KEY_MODELS_MAX]; // auth_model()
};

struct auth_table {
	// What lcores read. Immutable, but for the states of keys.
	bool demands;      // a model answers no others: that of one in `required`, or any
	bool requires_all; // nothing is answered without authentication
	uint32_t n_required;
	uint64_t required[CONFIG_REQUIRE_MAX]; // auth_model() of those that answer no others
	uint16_t index[UINT16_MAX + 1];        // 1 + that of a key in `keys`, by its id; 0: none

	// The control thread's.
	uint32_t n_keys;
	uint64_t grace_token;
	SIMPLEQ_ENTRY(auth_table) retired;

	struct auth_key keys[];
};

struct auth {
	_Atomic(const struct auth_table *) table; // never NULL
	siphash_kernel *siphash;

	// The control thread's.
	struct rte_rcu_qsbr *qsbr; // NULL where no lcore runs (tests)
	struct seen *seen;
	SIMPLEQ_HEAD(, auth_table) retired;
};

// Without a key, and nothing required. sodium_init() comes before. -ENOMEM.
int auth_create(struct rte_rcu_qsbr *qsbr, unsigned isa_mask, struct auth **out, struct error *err);
// The same with what the configuration says of keys, trust and instruction sets, and with what was seen before the
// restart; `kept` NULL: nothing is known of that. What auth_prepare() returns.
int auth_start(const struct config *config, struct dataplane_kept *kept, struct rte_rcu_qsbr *qsbr,
	struct auth **out, struct error *err);
void auth_destroy(struct auth *auth); // NULL is fine; no lcore may run any more

// Whether the file of keys can be read.
int auth_check_keys(const struct config_trust *config, struct error *err);
// Reads the file of keys and makes a table of what it and `config` say. -EINVAL, -EPERM, -ENOENT, -ENOMEM with
// a sentence. auth_commit() publishes it, auth_discard() frees it.
int auth_prepare(struct auth *auth, const struct config_trust *config, struct auth_table **out,
	struct error *err);
// The same of keys that are read already; NULL: none.
int auth_prepare_keys(struct auth *auth, const struct config_trust *config,
	const struct wire_keys *keys, int64_t now, struct auth_table **out, struct error *err);
void auth_commit(struct auth *auth, struct auth_table *table);
void auth_discard(struct auth_table *table); // NULL is fine
// Puts keys in force and out of it as time passes (seconds since 1970), and frees what nobody reads any more. A clock
// that is set back makes no key good again that had retired, until the file gives it another time to retire.
void auth_watch(struct auth *auth, int64_t now);

// What models are known by here: a hash of the name, which nobody finds another name for.
uint64_t auth_model(const char *name);

// Any lcore's; good until its next quiescent state. NULL: there is no such key.
static inline const struct auth_key *auth_find(const struct auth_table *table, uint16_t id)
{
	const uint16_t index = table->index[id];

	return index ? &table->keys[index - 1] : NULL;
}

static inline const struct auth_table *auth_table(const struct auth *auth)
{
	return atomic_load_explicit(&auth->table, memory_order_acquire);
}

static inline bool auth_has(const uint64_t *models, uint32_t n, uint64_t model)
{
	for (uint32_t i = 0; i < n; i++)
		if (models[i] == model)
			return true;
	return false;
}

// Does the model answer authenticated datagrams alone?
static inline bool auth_requires(const struct auth_table *table, uint64_t model)
{
	return table->requires_all || auth_has(table->required, table->n_required, model);
}

// May who has authenticated himself by the key `id` use the model? One that is gone meanwhile may not.
static inline bool auth_allows(const struct auth_table *table, uint16_t id, uint64_t model)
{
	const struct auth_key *key = auth_find(table, id);

	return key && (!key->n_models || auth_has(key->models, key->n_models, model));
}
