// SPDX-License-Identifier: BSD-3-Clause
// Which of a model's versions answers a request. A route is immutable once published: a change of
// whichever kind is a new route published by one pointer (registry.h).
#pragma once

#include "dataplane/info.h"
#include "dataplane/wire.h"

#include <rte_branch_prediction.h>
#include <string.h>
#include <sys/queue.h>

struct deployment;

struct model_route {
	// What lcores read. Roles are of different versions, and live is always there.
	const struct deployment *live; // answers what names no version, but for the canary's share
	const struct deployment *canary;       // NULL: none
	struct route_share share;              // of the canary
	uint16_t live_version, canary_version; // 0: none
	uint16_t pinned_versions[ROUTE_PINNED_MAX];
	uint32_t n_pinned;
	const struct deployment *pinned[ROUTE_PINNED_MAX];
	const struct deployment *shadow; // NULL: none; it never answers

	// The control thread's.
	uint16_t id;
	uint64_t grace_token;
	SIMPLEQ_ENTRY(model_route) retired;
};

// A hash of 64 bits (splitmix64's end, public domain, Vigna): each bit of the result depends on all of `x`.
static inline uint64_t route_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

// What the share of a canary goes by where its key is the request's id: any 64 bits of it. The same id
// is answered by the same version as long as the share stays, and by the canary's also when it grows.
static inline bool route_is_canarys(const struct route_share *share, uint64_t key)
{
	return (route_mix(key) >> 32) * 1000 >> 32 < share->permille;
}

// The bytes of one value, as the key of route_is_canarys(): a value of f32 has its bits as key however it
// came.
static inline uint64_t route_key_of_value(const void *value, uint32_t bytes)
{
	uint32_t bits = 0;

	memcpy(&bits, value, bytes < sizeof(bits) ? bytes : sizeof(bits));
	return bits;
}

// The version in service under exactly that number; NULL: none. A shadow is none of them.
const struct deployment *route_version(const struct model_route *route, uint16_t version);

// For a request to a route with a canary, or that names a version. `header` begins the payload, whose
// length is checked against rows and columns already.
const struct deployment *route_choose_rarely(
	const struct model_route *route, const struct wire_header *header);

// NULL: no such version is in service.
static inline const struct deployment *route_choose(
	const struct model_route *route, const struct wire_header *header)
{
	if (likely(!header->model_version && !route->canary))
		return route->live;
	return route_choose_rarely(route, header);
}
