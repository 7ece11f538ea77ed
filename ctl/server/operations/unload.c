// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/unload.h"

#include "ctl/server/operations/operation.h"

static void unload_recorded(struct operation *op)
{
	if (op->err.code)
		operation_fail(op, op->status, "unloaded, but a restart may bring it back: %s",
			op->err.text);
	else
		operation_reply(op, 200,
			json_pack("{s:s, s:i, s:n, s:o}", "model", op->model, "id",
				(int)op->record.id, "live", "previous",
				json_integer(op->record.live)));
}

void unload_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	int rc;

	if (!entry) {
		operation_fail_unknown(op);
		return;
	}
	if (entry->record.id == 0 || !entry->record.loaded) {
		operation_fail(op, 409, "model '%s' is not loaded", op->model);
		return;
	}
	rc = dataplane_retire(op->server->dataplane, entry->record.id, &op->err);
	if (rc != 0 && rc != -ENOENT) { // -ENOENT: it failed to load, and need not try again
		operation_fail(op, 500, "%s", op->err.text);
		return;
	}
	entry->record.loaded = false;
	entry->state = MODEL_STATE_UNAVAILABLE;
	snprintf(entry->reason, sizeof(entry->reason), "unloaded by the operator");
	op->record = entry->record;
	operation_write_record(op, unload_recorded);
}
