// SPDX-License-Identifier: BSD-3-Clause
// What was counted at some moments before now: each second of the last minute, for rates; and at the mark
// that somebody set, from which on stats count. The counters themselves never go back. Control thread only.
#pragma once

#include "ctl/server/http/who.h"
#include "dataplane/dataplane.h"

#include <stdint.h>
#include <time.h>

#define HISTORY_SECONDS 60

struct history;

struct history_port {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, drops;
};

struct history_model {
	uint16_t id;
	uint64_t requests, rows, refused;
};

// All counters at one moment.
struct history_sample {
	uint64_t ns; // of CLOCK_MONOTONIC; 0: none was taken
	struct dataplane_counters sum;
	struct history_port ports[CONFIG_PORTS_MAX];
	uint32_t n_models;
	struct history_model *models; // in order of id
};

// When, and by whom, the mark was set.
struct history_mark {
	struct timespec when;    // CLOCK_REALTIME
	uint32_t uid;            // of a UNIX socket; else UINT32_MAX
	char by[WHO_NAME_BYTES]; // "uid 1000", "token ci-push"
	struct dataplane_counters sum, lcores[CONFIG_CPUS_MAX];
};

// NULL without memory. The dataplane must outlive it.
struct history *history_create(const struct dataplane *dp);
void history_destroy(struct history *history); // NULL is fine
// To be called ten times a second or so: takes a sample where a second has gone by since the last one.
void history_tick(struct history *history);

// The last sample, and the one about `seconds` before it or, where there is none so old, the first. False
// where there are no two yet.
bool history_span(const struct history *history, uint32_t seconds,
	const struct history_sample **from, const struct history_sample **to);

// The counters of now become those that stats begin at.
void history_set_mark(struct history *history, uint32_t uid, const char *by);
const struct history_mark *history_mark(const struct history *history); // NULL: none was set
// Takes away what was counted before: *now -= *before, field by field.
void history_since(struct dataplane_counters *now, const struct dataplane_counters *before);
