// SPDX-License-Identifier: BSD-3-Clause
// The record lets go of the version first, so that it never names a file that is not there. What a model has
// beside its versions goes before the last of them: after a crash in between there is still something to be
// deleted.
#include "ctl/server/operations/remove.h"

#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"
#include "ctl/server/store/store.h"

#include <string.h>

static void remove_next(struct operation *op);

static void remove_reply(struct operation *op, struct model_entry *entry)
{
	json_t *body = json_pack("{s:s}", "model", op->model);

	if (!op->is_whole)
		json_object_set_new(body, "version", json_integer(op->version));
	models_drop_empty(&op->server->models, entry);
	operation_reply(op, 200, body);
}

// The image may be gone all the same, and only that not be durable.
static void remove_failed(struct operation *op, struct model_entry *entry)
{
	char file[STORE_FILE_MAX];
	bool is_gone;

	store_image_file(file, op->version);
	is_gone = store_written_at(op->server->store, op->model, file) == 0;
	if (is_gone) {
		model_entry_remove(entry, op->version);
		models_drop_empty(&op->server->models, entry);
	}
	operation_fail(op, op->status, "%s%s", op->err.text,
		is_gone ? "; after a restart it may be there again" : "");
}

static void remove_went(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->is_whole && entry->n_versions)
		remove_next(op);
	else
		remove_reply(op, entry);
}

// Without its image it means nothing, and the next start removes it.
static void remove_signature_done(struct operation *op)
{
	if (op->err.code)
		operation_log(op, LOG_LEVEL_WARNING, "its signature: %s", op->err.text);
	remove_went(op);
}

static void remove_done(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	char file[STORE_FILE_MAX];

	if (op->err.code) {
		remove_failed(op, entry);
		return;
	}
	store_signature_file(file, op->version);
	model_entry_remove(entry, op->version);
	if (store_written_at(op->server->store, op->model, file))
		operation_remove(op, file, remove_signature_done);
	else
		remove_went(op);
}

static void remove_image(struct operation *op)
{
	char file[STORE_FILE_MAX];

	if (op->err.code) {
		operation_fail(op, op->status, "%s", op->err.text);
		return;
	}
	store_image_file(file, op->version);
	operation_remove(op, file, remove_done);
}

static void remove_retention(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code) {
		operation_fail(op, op->status, "%s", op->err.text);
		return;
	}
	memset(&entry->retention, 0, sizeof(entry->retention));
	if (entry->n_versions)
		remove_image(op);
	else
		remove_reply(op, entry);
}

static void remove_compare(struct operation *op)
{
	if (op->err.code)
		operation_fail(op, op->status, "%s", op->err.text);
	else
		operation_remove(op, STORE_RETENTION, remove_retention);
}

// The version at hand; of a whole model, the newest of them.
static void remove_next(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->is_whole && entry->n_versions)
		op->version = entry->versions[entry->n_versions - 1].version;
	if (entry->n_versions > 1)
		remove_image(op);
	else
		operation_remove(op, STORE_COMPARE, remove_compare);
}

static void remove_unrecorded(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code) {
		operation_fail(op, op->status, "%s", op->err.text);
		return;
	}
	entry->record = op->record;
	if (!entry->record.id) {
		entry->is_damaged = false;
		snprintf(entry->reason, sizeof(entry->reason), "not deployed");
	}
	remove_next(op);
}

// What must be done first, so that a version that is there for something is not there for it any more.
static const char *remove_first(const char *holds)
{
	if (strcmp(holds, "live") == 0)
		return "promote another or unload the model";
	if (strcmp(holds, "canary") == 0)
		return "end that, as by martletctl model canary --off,";
	return strcmp(holds, "shadow") == 0 ? "end that, as by martletctl model shadow --off,"
					    : "end that, as by martletctl model unpin,";
}

// False: the operation failed.
static bool remove_may_go(struct operation *op, const struct model_entry *entry)
{
	const char *holds = record_holds(&entry->record, op->version);

	if (!model_entry_version(entry, op->version)) {
		operation_fail(
			op, 404, "there is no version %u of model '%s'", op->version, op->model);
		return false;
	}
	if (entry->is_damaged) {
		operation_fail(op, 409,
			"which version of model '%s' is in service cannot be read (%s): promote "
			"one first",
			op->model, entry->reason);
		return false;
	}
	if (!holds || strcmp(holds, "the deployment before") == 0)
		return true;
	operation_fail(op, 409, "version %u of model '%s' is %s%s; %s first", op->version,
		op->model, strcmp(holds, "canary") && strcmp(holds, "shadow") ? "" : "its ", holds,
		remove_first(holds));
	return false;
}

// The entry of a model that may be changed; NULL: the operation failed.
static struct model_entry *remove_entry(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry)
		operation_fail_unknown(op);
	else if (operation_may_change(op, entry))
		return entry;
	return NULL;
}

void remove_begin(struct operation *op)
{
	struct model_entry *entry = remove_entry(op);

	if (!entry || !operation_matches(op, entry) || !remove_may_go(op, entry))
		return;
	op->record = entry->record;
	if (entry->record.live.version == op->version) { // unloaded: the deployment goes with it
		memset(&op->record, 0, sizeof(op->record));
		recording_begin(op, remove_unrecorded);
	} else if (record_forget(&op->record, op->version)) {
		operation_sign_record(op, &entry->record);
		recording_begin(op, remove_unrecorded);
	} else {
		remove_next(op);
	}
}

void remove_begin_model(struct operation *op)
{
	struct model_entry *entry = remove_entry(op);

	if (!entry || !operation_matches(op, entry))
		return;
	op->is_whole = true;
	if (entry->record.id && entry->record.loaded) {
		operation_fail(op, 409,
			"model '%s' is in service: version %u is live; unload it first", op->model,
			entry->record.live.version);
	} else if (entry->record.id || entry->is_damaged) {
		memset(&op->record, 0, sizeof(op->record));
		recording_begin(op, remove_unrecorded);
	} else {
		remove_next(op);
	}
}
