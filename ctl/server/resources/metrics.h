// SPDX-License-Identifier: BSD-3-Clause
// Prometheus' text format (version 0.0.4): HELP and TYPE for each family, base units, _total on
// counters. Labels are bounded: CPUs, ports, drop reasons, statuses, models in service.
#pragma once

#include "ctl/server/http/gate.h"
#include "dataplane/dataplane.h"

struct evbuffer;

struct metrics_model {
	uint16_t id, version;
	const char *name;
	uint64_t requests, rows, not_finite;
	const struct histogram *latency; // ns
};

struct metrics_figures {
	const char *version;
	double uptime_seconds;
	bool ready;
	struct dataplane_counters sum;
	struct mempool_info mempool;
	struct gate_figures api;
	const struct lcore_info *lcores; // [n_lcores]
	uint32_t n_lcores;
	const struct port_info *ports; // [n_ports]
	uint32_t n_ports;
	const struct metrics_model *models; // [n_models]; id 0 is "ping"
	uint32_t n_models;
};

void metrics_render(struct evbuffer *out, const struct metrics_figures *figures);
