// SPDX-License-Identifier: BSD-3-Clause
// Requests of a capture that wait for their replies: which they are is told by both ends, the model and the
// request's id. Memory is bounded: beyond that the oldest are forgotten. One thread.
#pragma once

#include "base/error.h"
#include "dataplane/flow/packet.h"

#define REPLAY_PENDING_MAX   65536u             // requests
#define REPLAY_PENDING_BYTES ((size_t)64 << 20) // of all their payloads

struct replay_pending_key {
	struct packet_end client, server;
	uint64_t request_id;
	uint16_t model;
	uint8_t ip_version;
};

struct replay_pending;

// `capacity`: how many requests, at least 1; 0: REPLAY_PENDING_MAX. -ENOMEM.
int replay_pending_create(uint32_t capacity, struct replay_pending **out, struct error *err);
void replay_pending_destroy(struct replay_pending *pending); // NULL is fine
// Copies the request; one of the same key goes. False without memory.
bool replay_pending_put(struct replay_pending *pending, const struct replay_pending_key *key,
	uint64_t packet, const void *bytes, size_t size);
// Takes the request out: malloc'ed, the caller frees it. NULL: there is none.
void *replay_pending_take(struct replay_pending *pending, const struct replay_pending_key *key,
	uint64_t *packet, size_t *size);
// How many are left, and how many were forgotten for want of room.
uint64_t replay_pending_left(const struct replay_pending *pending);
uint64_t replay_pending_forgotten(const struct replay_pending *pending);
