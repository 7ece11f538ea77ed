// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/unload.h"

#include "ctl/server/operations/deployment_json.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"

static void unload_recorded(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	struct error none;

	if (op->err.code) {
		operation_fail(
			op, op->status, "model '%s' stays as it is: %s", op->model, op->err.text);
		return;
	}
	// Where no model answers for the id, it had failed to load: that is as well.
	dataplane_retire(op->server->dataplane, op->record.id, &none);
	entry->record = op->record;
	entry->state = MODEL_STATE_UNAVAILABLE;
	snprintf(entry->reason, sizeof(entry->reason), "unloaded by the operator");
	operation_reply(op, 200, deployment_json(op->model, &op->record));
}

// Recorded, then retired: see deploy.c.
void unload_begin(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry) {
		operation_fail_unknown(op);
		return;
	}
	if (!operation_may_change(op, entry) || !operation_matches(op, entry))
		return;
	if (entry->record.id == 0 || !entry->record.loaded) {
		operation_fail(op, 409, "model '%s' is not loaded", op->model);
		return;
	}
	op->record = entry->record;
	op->record.loaded = false;
	operation_sign_record(op, &entry->record);
	recording_begin(op, unload_recorded);
}
