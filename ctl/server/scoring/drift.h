// SPDX-License-Identifier: BSD-3-Clause
// The rows that are served by the API and, gathered from the lcores, by UDP, counted into the bins of their models' references (base/drift.h) over a sliding
// window: a ring of slices, each a part of the window, of which the oldest is emptied and begun anew. Of each
// version of each model by itself, as long as its image has a reference. Memory is bounded: by the counts of a
// slice for each column's bins, and by DRIFT_VERSIONS_MAX versions, of which the one that was counted longest
// ago makes room.
//
// Any thread may count, and waits for others that do; lcores must not.
#pragma once

#include "base/drift.h"
#include "config/settings.h"
#include "dataplane/dataplane.h"

#define DRIFT_SLICES       12
#define DRIFT_VERSIONS_MAX 256

struct drift;

struct drift *drift_create(const struct config_drift *config); // NULL: no memory
void drift_destroy(struct drift *drift);                       // NULL is fine

// Gathers what the lcores have counted since. The control thread's; to be called ten times a second or so.
void drift_gather(struct drift *drift, struct dataplane *dp);
// Counts 1 of config->sample of the rows [n][n_features] that `held` has scored, with their scores
// [n][n_outputs]. Without memory they are not counted; where sample is 0 none are.
void drift_count(struct drift *drift, const struct deployment_hold *held, const float *rows,
	const float *scores, uint32_t n);

// What a version was counted with, as it is now.
struct drift_view {
	uint64_t n_reference, n_live; // rows
	uint32_t n_columns;
	struct drift_psi columns[]; // [n_columns]: the features, then the outputs
};
// NULL without memory, or where the model has no reference. To be freed. One of which no row was counted has
// columns without live rows.
struct drift_view *drift_look(
	struct drift *drift, uint16_t id, uint16_t version, const struct model *model);
