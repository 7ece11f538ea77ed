// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/auth.h"

#include "infer/infer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES 64

uint64_t auth_model(const char *name)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	uint64_t model;

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)name, strlen(name), NULL, 0);
	memcpy(&model, hash, sizeof(model));
	return model;
}

// --- Tables --------------------------------------------------------------------------------------

static int auth_add_key(struct auth *auth, struct auth_table *table, const struct wire_key *from,
	int64_t now, struct error *err)
{
	struct auth_key *key = &table->keys[table->n_keys];

	memcpy(key->secret, from->secret, sizeof(key->secret));
	key->window = seen_window(auth->seen, from);
	if (!key->window)
		return error_set(err, -ENOMEM, "no memory for the counters of key %u", from->id);
	key->n_models = from->n_models;
	for (uint32_t i = 0; i < from->n_models; i++)
		key->models[i] = auth_model(from->models[i]);
	key->id = from->id;
	key->not_before = from->not_before;
	key->retires = from->retires;
	atomic_init(&key->state, (uint8_t)wire_key_state(from, now));
	table->index[key->id] = (uint16_t)++table->n_keys;
	return 0;
}

int auth_prepare_keys(struct auth *auth, const struct config_trust *config,
	const struct wire_keys *keys, int64_t now, struct auth_table **out, struct error *err)
{
	const size_t bytes = sizeof(**out) + (keys ? keys->n : 0) * sizeof((*out)->keys[0]);
	// Keys lie in whole lines of the cache: sodium_malloc() ends at a page's end.
	struct auth_table *table =
		sodium_malloc((bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);
	int rc = 0;

	*out = NULL;
	if (!table)
		return error_set(err, -ENOMEM, "no memory for the keys of datagrams");
	memset(table, 0, bytes);
	for (uint32_t i = 0; i < config->n_require_authentication; i++) {
		const char *name = config->require_authentication[i];

		if (strcmp(name, "*") == 0)
			table->requires_all = true;
		else
			table->required[table->n_required++] = auth_model(name);
	}
	table->demands = config->n_require_authentication > 0;
	for (uint32_t i = 0; keys && i < keys->n && rc == 0; i++)
		rc = auth_add_key(auth, table, &keys->keys[i], now, err);
	if (rc == 0)
		*out = table;
	else
		auth_discard(table);
	return rc;
}

// *keys NULL: the configuration names no file.
static int auth_read_keys(
	const struct config_trust *config, struct wire_keys **keys, struct error *err)
{
	*keys = NULL;
	if (!config->keys[0] || keys_read(config->keys, keys, err) == 0)
		return 0;
	return error_prefix(err, "trust.keys");
}

int auth_check_keys(const struct config_trust *config, struct error *err)
{
	struct wire_keys *keys;
	const int rc = auth_read_keys(config, &keys, err);

	keys_free(keys);
	return rc;
}

int auth_prepare(struct auth *auth, const struct config_trust *config, struct auth_table **out,
	struct error *err)
{
	struct wire_keys *keys;
	int rc = auth_read_keys(config, &keys, err);

	*out = NULL;
	if (rc == 0)
		rc = auth_prepare_keys(auth, config, keys, time(NULL), out, err);
	keys_free(keys);
	return rc;
}

void auth_discard(struct auth_table *table)
{
	sodium_free(table); // wipes it
}

static struct auth_table *auth_own_table(struct auth *auth)
{
	// Const to lcores only: the control thread owns it.
	return (struct auth_table *)(uintptr_t)auth_table(auth);
}

static void auth_reclaim(struct auth *auth)
{
	struct auth_table *table;

	while ((table = SIMPLEQ_FIRST(&auth->retired))) {
		if (auth->qsbr && rte_rcu_qsbr_check(auth->qsbr, table->grace_token, false) != 1)
			return;
		SIMPLEQ_REMOVE_HEAD(&auth->retired, retired);
		auth_discard(table);
	}
}

// What the clock has been counts on for a key of the same secret that retires when it did.
static void auth_inherit(struct auth_table *table, const struct auth_table *old)
{
	for (uint32_t i = 0; i < table->n_keys; i++) {
		struct auth_key *key = &table->keys[i];
		const struct auth_key *was = auth_find(old, key->id);

		if (!was || was->window != key->window || was->retires != key->retires)
			continue;
		key->latest = was->latest;
		if (key->retires && key->retires <= key->latest)
			atomic_store_explicit(&key->state, WIRE_KEY_RETIRED, memory_order_relaxed);
	}
}

void auth_commit(struct auth *auth, struct auth_table *table)
{
	struct auth_table *old = auth_own_table(auth);

	auth_inherit(table, old);
	atomic_store_explicit(&auth->table, table, memory_order_release);
	if (auth->qsbr)
		old->grace_token = rte_rcu_qsbr_start(auth->qsbr);
	SIMPLEQ_INSERT_TAIL(&auth->retired, old, retired);
	auth_reclaim(auth);
}

void auth_watch(struct auth *auth, int64_t now)
{
	struct auth_table *table = auth_own_table(auth);

	for (uint32_t i = 0; i < table->n_keys; i++) {
		struct auth_key *key = &table->keys[i];
		const struct wire_key times = { .not_before = key->not_before,
			.retires = key->retires };
		bool has_retired;

		if (now > key->latest)
			key->latest = now;
		has_retired = key->retires && key->retires <= key->latest;
		atomic_store_explicit(&key->state,
			(uint8_t)wire_key_state(&times, has_retired ? key->latest : now),
			memory_order_relaxed);
	}
	auth_reclaim(auth);
}

// --- All of it -----------------------------------------------------------------------------------

int auth_create(struct rte_rcu_qsbr *qsbr, unsigned isa_mask, struct auth **out, struct error *err)
{
	const struct config_trust nothing = { .n_require_authentication = 0 };
	struct auth *auth = calloc(1, sizeof(*auth));
	struct auth_table *table;
	int rc;

	if (!auth)
		return error_set(err, -ENOMEM, "no memory for the keys of datagrams");
	auth->qsbr = qsbr;
	auth->siphash = siphash_pick(isa_mask);
	SIMPLEQ_INIT(&auth->retired);
	rc = seen_create(&auth->seen, err);
	if (rc == 0)
		rc = auth_prepare_keys(auth, &nothing, NULL, 0, &table, err);
	if (rc != 0) {
		seen_destroy(auth->seen);
		free(auth);
		return rc;
	}
	atomic_init(&auth->table, table);
	*out = auth;
	return 0;
}

// Before the keys, which find their counters there. Whatever is wrong with it, the start goes on.
static void auth_remember(struct auth *auth, struct dataplane_kept *kept)
{
	struct error why;

	if (seen_take(auth->seen, kept->text, kept->size, &why) != 0)
		snprintf(kept->said, sizeof(kept->said), "%.300s", why.text);
}

// Of a secret that was changed just before the restart, or of a file that somebody bent.
static void auth_say_strange(const struct auth *auth, struct dataplane_kept *kept)
{
	const size_t used = strlen(kept->said);
	uint16_t id;
	const uint32_t n = seen_strange(auth->seen, &id);
	char more[32] = "";

	if (n > 1)
		snprintf(more, sizeof(more), " and of %u more", n - 1);
	if (n > 0)
		snprintf(kept->said + used, sizeof(kept->said) - used,
			"%swhat it says of key %u%s was written for another secret, or changed "
			"since: it counts for nothing",
			used ? "; " : "", id, more);
}

int auth_start(const struct config *config, struct dataplane_kept *kept, struct rte_rcu_qsbr *qsbr,
	struct auth **out, struct error *err)
{
	struct auth_table *table;
	unsigned isa_mask;
	int rc = isa_parse(config->infer.isa, &isa_mask, err);

	if (rc == 0)
		rc = auth_create(qsbr, isa_mask & isa_detected(), out, err);
	if (rc == 0 && kept)
		auth_remember(*out, kept);
	if (rc == 0)
		rc = auth_prepare(*out, &config->trust, &table, err);
	if (rc == 0)
		auth_commit(*out, table);
	if (rc == 0 && kept)
		auth_say_strange(*out, kept);
	return rc;
}

void auth_destroy(struct auth *auth)
{
	struct auth_table *table;

	if (!auth)
		return;
	auth_discard(auth_own_table(auth));
	while ((table = SIMPLEQ_FIRST(&auth->retired))) {
		SIMPLEQ_REMOVE_HEAD(&auth->retired, retired);
		auth_discard(table);
	}
	seen_destroy(auth->seen);
	free(auth);
}
