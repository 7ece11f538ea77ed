// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/pace.h"

#include <stdlib.h>
#include <sys/random.h>

#define WAYS   4 // of an address's set, where it is looked for
#define SETS   (PACE_ADDRESSES / WAYS)
#define SECOND 1000000 // us

// The generic cell rate algorithm (ITU-T I.371, A): each time moves the moment at which the address is as one
// that never did it by the time that one costs, and that moment may be a second ahead.
struct pace_entry {
	struct gate_address address;
	uint64_t fresh_us;
};

struct pace {
	uint32_t seed; // so that nobody can choose addresses of one set
	struct pace_entry sets[SETS][WAYS];
};

struct pace *pace_create(void)
{
	struct pace *pace = calloc(1, sizeof(*pace));

	if (pace && getrandom(&pace->seed, sizeof(pace->seed), GRND_NONBLOCK) < 0)
		pace->seed = (uint32_t)(uintptr_t)pace;
	return pace;
}

void pace_destroy(struct pace *pace)
{
	free(pace);
}

static struct pace_entry *pace_find(struct pace *pace, const struct gate_address *address)
{
	struct pace_entry *set = pace->sets[gate_address_hash(address, pace->seed) % SETS];
	struct pace_entry *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (gate_address_is(&set[i].address, address))
			return &set[i];
		if (set[i].fresh_us < oldest->fresh_us)
			oldest = &set[i];
	}
	*oldest = (struct pace_entry){ .address = *address };
	return oldest;
}

bool pace_is_spent(
	struct pace *pace, const struct gate_address *address, uint32_t per_second, uint64_t now_ms)
{
	const struct pace_entry *set = pace->sets[gate_address_hash(address, pace->seed) % SETS];

	for (size_t i = 0; i < WAYS; i++)
		if (gate_address_is(&set[i].address, address))
			return set[i].fresh_us + SECOND / per_second > now_ms * 1000 + SECOND;
	return false;
}

bool pace_admits(
	struct pace *pace, const struct gate_address *address, uint32_t per_second, uint64_t now_ms)
{
	struct pace_entry *entry = pace_find(pace, address);
	const uint64_t now = now_ms * 1000;
	const uint64_t from = entry->fresh_us > now ? entry->fresh_us : now;
	const uint64_t then = from + SECOND / per_second;

	if (then > now + SECOND)
		return false;
	entry->fresh_us = then;
	return true;
}
