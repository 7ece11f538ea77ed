// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4 of a client (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), by a key that is drawn at
// start: nobody outside can choose addresses that meet in one place of the table. Its input is always of two words.
#pragma once

#include "dataplane/fair/client.h"

struct hash_key {
	uint64_t k0, k1;
};

static inline uint64_t hash_turn(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void hash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = hash_turn(v[1], 13) ^ v[0];
	v[3] = hash_turn(v[3], 16) ^ v[2];
	v[0] = hash_turn(v[0], 32) + v[3];
	v[2] += v[1];
	v[1] = hash_turn(v[1], 17) ^ v[2];
	v[3] = hash_turn(v[3], 21) ^ v[0];
	v[2] = hash_turn(v[2], 32);
}

static inline void hash_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	hash_round(v);
	hash_round(v);
	v[0] ^= word;
}

// Never 0, which says that a place of the table is free.
static inline uint64_t hash_client(const struct hash_key *key, const struct client *client)
{
	uint64_t v[4] = { key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573 };
	uint64_t hash;

	hash_word(v, client->where);
	hash_word(v, client->who);
	hash_word(v, (uint64_t)sizeof(*client) << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		hash_round(v);
	hash = v[0] ^ v[1] ^ v[2] ^ v[3];
	return hash ? hash : 1;
}
