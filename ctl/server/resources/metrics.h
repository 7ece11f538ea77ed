// SPDX-License-Identifier: BSD-3-Clause
// Prometheus' text format (version 0.0.4): HELP and TYPE for each family, base units, _total on
// counters. Labels are bounded: CPUs, ports, drop reasons, statuses, models and their states.
#pragma once

#include "ctl/server/audit/audit.h"
#include "ctl/server/compare/compare.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/models.h"
#include "ctl/server/scoring/drift.h"
#include "ctl/server/scoring/scoring.h"
#include "dataplane/dataplane.h"

struct evbuffer;

#define METRICS_DRIFTS 2

struct metrics_drift {
	const char *role;
	struct drift_view *view;       // NULL: there is none, or it has no reference
	const struct model_info *info; // of the names in it; NULL likewise
};

struct metrics_model { // in service
	uint16_t id, version;
	const char *name;
	uint64_t requests, rows, not_finite;
	const uint64_t *refused;                     // [WIRE_STATUS_COUNT]
	const struct histogram *latency;             // ns
	struct metrics_drift drifts[METRICS_DRIFTS]; // live's and the canary's
};

struct metrics_state { // of every model that the store knows
	const char *name;
	enum model_state state;
	uint64_t rollbacks[VERDICT_REASONS]; // of canaries, by themselves
};

struct metrics_figures {
	const char *version;
	double uptime_seconds;
	bool ready;
	bool counters_failing; // those of keys cannot be kept
	struct dataplane_counters sum;
	struct mempool_info mempool;
	struct gate_figures api;
	struct scoring_figures scoring;
	struct audit_figures audit;
	const struct lcore_info *lcores; // [n_lcores]
	uint32_t n_lcores;
	const struct port_info *ports; // [n_ports]
	uint32_t n_ports;
	const struct metrics_model *models; // [n_models]; id 0 is "ping"
	uint32_t n_models;
	uint32_t drift_columns;             // of a model, those that moved most
	const struct metrics_state *states; // [n_states]
	uint32_t n_states;
	const struct compare_figures *comparisons; // [n_comparisons]
	uint32_t n_comparisons;
	const struct slot_info *slots; // [n_slots], for what each version has done
	uint32_t n_slots;
	uint64_t versions_retired;
};

void metrics_render(struct evbuffer *out, const struct metrics_figures *figures);
