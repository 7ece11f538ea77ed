// SPDX-License-Identifier: BSD-3-Clause
// Canaries and shadows are compared with live: has the dataplane do it wherever there is one, judges the figures
// once a second, and rolls a canary back that breaks a configured bound. What it was rolled back for is kept in
// the store. Control thread only.
#pragma once

#include "ctl/server/compare/verdict.h"
#include "ctl/server/server_state.h"

#include <jansson.h>

struct comparisons *comparisons_create(void);              // NULL without memory
void comparisons_destroy(struct comparisons *comparisons); // NULL is fine
// To be called ten times a second or so.
void comparisons_tick(struct server *server);

// Of a canary or shadow, for the metrics.
struct compare_figures {
	const char *model, *role;
	uint64_t rows, sampled, shed, compared, differ, not_finite; // since this comparison began
	struct interval share,
		mean; // of those that differ, and of differences; infinite: not known
};
// Those of its canary and its shadow; returns how many there are.
uint32_t compare_look_at(
	struct server *server, const struct model_entry *entry, struct compare_figures out[2]);
// Canaries that were rolled back by themselves since the start.
void compare_rollbacks(struct server *server, const struct model_entry *entry,
	uint64_t rollbacks[VERDICT_REASONS]);

// {"model", "canary", "shadow", "rolled_back"}, each null where there is none. NULL without memory.
json_t *compare_json(struct server *server, const struct model_entry *entry);
