// SPDX-License-Identifier: BSD-3-Clause
// The record lets go of the version first, so that it never names a file that is not there.
#include "ctl/server/operations/remove.h"

#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"
#include "ctl/server/store/store.h"

#include <string.h>

static void remove_done(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code) {
		operation_fail(op, op->status, "%s", op->err.text);
		return;
	}
	model_entry_remove(entry, op->version);
	models_drop_empty(&op->server->models, entry);
	operation_reply(
		op, 200, json_pack("{s:s, s:i}", "model", op->model, "version", (int)op->version));
}

static void remove_image(struct operation *op, struct model_entry *entry)
{
	char file[STORE_FILE_MAX];

	entry->record = op->record;
	store_image_file(file, op->version);
	operation_remove(op, file, remove_done);
}

static void remove_unrecorded(struct operation *op)
{
	if (op->err.code)
		operation_fail(op, op->status, "%s", op->err.text);
	else
		remove_image(op, models_find(&op->server->models, op->model));
}

void remove_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	const char *holds;

	if (!entry) {
		operation_fail_unknown(op);
		return;
	}
	if (!model_entry_version(entry, op->version)) {
		operation_fail(
			op, 404, "there is no version %u of model '%s'", op->version, op->model);
		return;
	}
	if (entry->is_damaged) {
		operation_fail(op, 409,
			"which version of model '%s' is in service cannot be read (%s): promote "
			"one "
			"first",
			op->model, entry->reason);
		return;
	}
	if (!operation_matches(op, entry))
		return;
	op->record = entry->record;
	holds = record_holds(&entry->record, op->version);
	if (holds && strcmp(holds, "live") == 0) {
		operation_fail(op, 409,
			"version %u of model '%s' is live; promote another or unload the model "
			"first",
			op->version, op->model);
	} else if (holds && strcmp(holds, "the deployment before") != 0) {
		operation_fail(op, 409,
			"version %u of model '%s' is %s%s: end that first, as martletctl model %s",
			op->version, op->model, strcmp(holds, "pinned") ? "its " : "", holds,
			strcmp(holds, "pinned") ? "canary or shadow --off" : "unpin");
	} else if (entry->record.live.version ==
		op->version) { // unloaded: the deployment goes with it
		memset(&op->record, 0, sizeof(op->record));
		recording_begin(op, remove_unrecorded);
	} else if (record_forget(&op->record, op->version)) {
		operation_sign_record(op, &entry->record);
		recording_begin(op, remove_unrecorded);
	} else {
		remove_image(op, entry);
	}
}
