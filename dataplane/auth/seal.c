// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/seal.h"

#include <string.h>

void auth_seal_add(struct auth_seals *seals, const struct auth_table *table, const struct packet *p,
	uint8_t *payload, uint32_t bytes)
{
	const struct auth_key *key = auth_find(table, p->key);
	struct siphash_job *job = &seals->jobs[seals->n];
	uint8_t *counter = payload + bytes;

	// It lies where the request's trailer was, which nothing has been written over.
	memmove(counter, payload + p->payload_bytes, sizeof(uint64_t));
	if (unlikely(!key)) {
		memset(counter + sizeof(uint64_t), 0, sizeof(uint64_t));
		return;
	}
	job->bytes = payload;
	job->length = bytes + (uint32_t)sizeof(uint64_t);
	job->key[0] = key->secret[0];
	job->key[1] = key->secret[1];
	seals->n++;
}

void auth_seal(struct auth_seals *seals, const struct auth *auth)
{
	siphash_many(auth->siphash, seals->jobs, seals->n);
	for (uint16_t i = 0; i < seals->n; i++) {
		// What was only read until now lies in a reply.
		uint8_t *tag = (uint8_t *)(uintptr_t)seals->jobs[i].bytes + seals->jobs[i].length;

		memcpy(tag, &seals->jobs[i].tag, sizeof(seals->jobs[i].tag));
	}
}
