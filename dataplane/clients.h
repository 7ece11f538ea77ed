// SPDX-License-Identifier: BSD-3-Clause
// The limits of clients, as the control thread keeps them: published to the lcores by one pointer, divided among them, and
// who the busiest clients are, read from the lcores' tables. fair/ is what the lcores do.
#pragma once

#include "base/error.h"
#include "dataplane/fair/fair.h"
#include "dataplane/registry.h"

struct clients_was { // of one place of a table, when it was looked at last
	uint64_t hash, requests;
};

struct clients {
	// Written by the control thread, read by lcores.
	_Atomic(const struct rules *) rules; // NULL: nobody is limited
	struct fair_costs costs;

	// The control thread's own.
	struct rules *current, *retired;
	struct rte_rcu_qsbr *qsbr;
	uint64_t generation, tsc_hz;
	uint32_t n; // lcores that poll
	struct fair *fairs[REGISTRY_LCORES];
	struct clients_was *was; // [n][TABLE_SETS][TABLE_WAYS]
	uint32_t next_set;       // to be looked at
};

// Tables for `n` lcores that poll, in DPDK's memory. `qsbr` may be NULL where no lcore runs (tests): what is retired
// is then freed at once. -ENOMEM.
int clients_create(uint32_t n, uint64_t tsc_hz, struct rte_rcu_qsbr *qsbr, struct clients **out,
	struct error *err);
void clients_destroy(struct clients *clients); // no lcore may run any more; NULL is fine

// Limits clients from here on as `config` says. Whoever is known stays so. -ENOMEM: all stays as it is.
int clients_limit(struct clients *clients, const struct config_clients *config, struct error *err);
// Frees what no lcore reads any more.
void clients_reclaim(struct clients *clients);
// A few times a second: divides rates among the lcores by where requests arrive, and passes on what a row
// of each model takes.
void clients_tick(struct clients *clients, const struct registry *registry);

// What dataplane_clients() says.
uint32_t clients_busiest(const struct clients *clients, uint64_t now, struct client_info *infos,
	uint32_t max, struct clients_info *all);
