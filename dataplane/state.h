// SPDX-License-Identifier: BSD-3-Clause
// struct dataplane, shared by the files that make up its public face. The control thread's.
#pragma once

#include "dataplane/lcore.h"

struct dataplane {
	const struct config *config;
	bool eal_started, lcores_launched;
	struct port ports[CONFIG_PORTS_MAX];
	uint32_t n_ports;
	struct rte_mempool *pool;
	uint32_t baseline_mbufs; // that the NICs' receive rings hold while nothing is under way
	struct rte_rcu_qsbr *qsbr;
	struct registry *registry;
	struct lcore *lcores; // [n_lcores]: I/O, then workers, then run to completion
	uint32_t n_lcores;
	bool draining;
	uint64_t drain_token; // past it, every lcore has seen that we drain
};
