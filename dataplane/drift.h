// SPDX-License-Identifier: BSD-3-Clause
// Rows that come by UDP, counted into the bins of their models' references (base/drift.h): a sample of what the
// lcores answer, in idle time (lane.h), read without stopping them. The control thread only.
#pragma once

#include "base/error.h"
#include "dataplane/figures.h"

#include <stdbool.h>
#include <stdint.h>

struct dataplane;
struct model;

// Told of the rows of a version that were counted since it was last told: counts as its model's reference has
// them, modulo 2^32.
typedef void dataplane_drift_add(void *context, uint16_t id, uint16_t version,
	const struct model *model, const uint32_t *counts);

// Has 1 of `every` of the rows counted that each live version and each canary answers whose model has a reference,
// from now on; 0: none. Tells what was counted since the last call, also of versions that have left these roles
// since. To be called now and then, and before dataplane_stop(). -ENOMEM: some are not counted, and begin at a
// later call.
int dataplane_drift(struct dataplane *dp, uint32_t every, dataplane_drift_add *add, void *context,
	struct error *err);

struct drifted {
	uint16_t version;
	uint32_t every;
	struct watch_rows rows; // of all lcores
};
// WATCH_DRIFT: of the live version, WATCH_DRIFT_CANARY: of the canary. False where none are counted.
bool dataplane_drifted(
	const struct dataplane *dp, uint16_t id, enum watch_kind kind, struct drifted *out);
