// SPDX-License-Identifier: BSD-3-Clause
// struct dataplane, for the files that make up its public face (dataplane.c, stats.c). The control
// thread's.
#pragma once

#include "dataplane/aside.h"
#include "dataplane/auth/auth.h"
#include "dataplane/clients.h"
#include "dataplane/lcore.h"
#include "dataplane/memory.h"
#include "dataplane/reopen.h"

struct dataplane {
	const struct config *config;
	struct memory_plan memory;
	bool eal_started, lcores_launched;
	struct port ports[CONFIG_PORTS_MAX];
	struct presence presences[CONFIG_PORTS_MAX]; // of the ports
	struct announcer *announcer;
	struct port_needs needs; // that they were opened with
	struct reopen reopens[CONFIG_PORTS_MAX];
	uint32_t n_ports;
	struct rte_mempool *pool;
	uint32_t baseline_mbufs; // that the receive rings of the NICs hold while no packet is under
				 // way
	struct rte_rcu_qsbr *qsbr;
	struct memif_server *memif; // NULL: no port needs one
	struct auth *auth;
	struct registry *registry;
	struct watches *watches;
	struct clients *clients;
	struct aside *aside;  // of what is answered beside the lcores
	struct lcore *lcores; // [n_lcores]: I/O, then workers, then run to completion
	uint32_t n_lcores;
	bool draining;
	bool unfinished_told[CONFIG_PORTS_MAX]; // dataplane_news() told of unfinished checksums
	uint64_t drain_token; // once it is past, every lcore has seen that we drain
};
