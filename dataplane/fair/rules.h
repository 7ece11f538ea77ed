// SPDX-License-Identifier: BSD-3-Clause
// What each client may have, as the configuration's group `clients` says, ready for the lcores: immutable once it is
// published by one pointer, and freed after a grace period.
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "dataplane/fair/client.h"
#include "dataplane/fair/meter.h"

#define RULES_SHARE_ONE 65536u // struct rule's stretch where a client's share is 1

struct rule {
	struct rte_meter_srtcm_profile requests, rows;
	uint32_t stretch;  // RULES_SHARE_ONE divided by its share; 0: it is never limited by it
	uint32_t a_second; // requests, 0: as many as it sends
	bool is_named;     // in the list: it gets a place in the table before those who are not
};

struct rule_match { // a client for which (where & mask) == value in both words
	struct client mask, value;
	uint32_t rule;
};

struct rules {
	uint64_t generation; // of the configuration: clients are looked up anew where it is another
	bool has_rates, has_shares;
	uint32_t n_matches;
	struct rule rules[1 + CONFIG_CLIENTS_MAX];     // [0]: of all that are not in the list
	struct rule_match matches[CONFIG_CLIENTS_MAX]; // the longest prefix first

	// The control thread's, once others are published.
	struct rules *next_retired;
	uint64_t grace_token;
};

// *out is NULL where nothing is limited. -ENOMEM.
int rules_create(const struct config_clients *config, uint64_t generation, uint64_t tsc_hz,
	struct rules **out, struct error *err);
void rules_destroy(struct rules *rules); // NULL is fine

// Index in rules->rules of what holds for that client.
uint32_t rules_find(const struct rules *rules, const struct client *client);
