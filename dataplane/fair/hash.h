// SPDX-License-Identifier: BSD-3-Clause
// A hash of a client by a key that is drawn at start: nobody outside can choose addresses that meet in one place of the
// table.
#pragma once

#include "dataplane/auth/siphash.h"
#include "dataplane/fair/client.h"

struct hash_key {
	uint64_t k0, k1;
};

// Never 0, which says that a place of the table is free.
static inline uint64_t hash_client(const struct hash_key *key, const struct client *client)
{
	const uint64_t words[2] = { key->k0, key->k1 };
	const uint64_t hash = siphash(client, sizeof(*client), words);

	return hash ? hash : 1;
}
