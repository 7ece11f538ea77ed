// SPDX-License-Identifier: BSD-3-Clause
// A version comes into service. The order, and what a crash leaves behind each step:
//  1. The image is read, checked against what was stored, opened, and a deployment of it prepared: all
//     that may be refused is refused here. After a crash the version before is in service.
//  2. The record is written: a temporary file, fsync, rename, fsync of the folder. Until the rename a
//     crash leaves the version before, afterwards (once it is durable) the new one; nobody has been
//     told of either. Where writing fails, what was recorded is put back (recording.h), the version
//     before stays in service and the client hears that it is refused.
//  3. One pointer is published. That cannot fail, so nothing has to be undone behind step 2.
//  4. The client is answered. What it was told is both in service and recorded.
// Unloading is the same: recorded, then retired. What the record says already (at start) begins at 1
// and leaves out 2.
#include "ctl/server/operations/deploy.h"

#include "base/sha256.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/interface.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"
#include "ctl/server/store/store.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static json_t *deploy_json(const struct operation *op)
{
	const struct record *r = &op->record;

	return json_pack("{s:s, s:i, s:i, s:o}", "model", op->model, "id", (int)r->id, "live",
		(int)r->live, "previous",
		r->n_previous ? json_integer(r->previous[0]) : json_null());
}

// The image must be the one that was stored, or deployed: it may be sound and yet another.
static int deploy_check_image(struct operation *op, const void *image, size_t size)
{
	unsigned char hash[SHA256_BYTES];
	char found[RECORD_SHA256_BYTES];

	if (!op->sha256[0]) // it could not be read at start, and was not recorded
		return 0;
	sha256_of(hash, image, size);
	sodium_bin2hex(found, sizeof(found), hash, sizeof(hash));
	if (strcmp(found, op->sha256) == 0)
		return 0;
	return error_set(&op->err, -EINVAL,
		"its image in the store is not the one that was %s: its SHA-256 is %.16s..., not "
		"%.16s...",
		op->recorded ? "in service" : "stored", found, op->sha256);
}

// Work. Timing kernels takes milliseconds of CPU, so an image is timed once in the life of the
// process: going back to it later takes no CPU from the traffic.
static void deploy_open_stored(void *arg)
{
	struct operation *op = arg;
	struct model_options options = op->server->model_options;
	char file[STORE_FILE_MAX];
	void *image = NULL;
	size_t size;

	store_image_file(file, op->version);
	options.choices = op->choices;
	if (store_read(op->server->store, op->model, file, &image, &size, &op->err) != 0) {
		op->status = 500; // it is listed: the disk is not as it was
	} else if (deploy_check_image(op, image, size) != 0 ||
		model_open(image, size, &options, &op->opened, &op->err) != 0) {
		op->status = operation_status(&op->err, 422);
		op->opened = NULL;
	} else if (model_info(op->opened)->n_golden && model_check_golden(op->opened, &op->err)) {
		op->status = operation_status(&op->err, 422);
	} else {
		op->err.code = 0; // see verify_image()
		if (!op->choices)
			op->timed = model_choices(op->opened);
	}
	free(image);
}

// A version that was in service before stays so.
static void deploy_refused(struct operation *op, struct model_entry *entry, int status)
{
	if (entry->state == MODEL_STATE_LOADING) {
		entry->state = MODEL_STATE_UNAVAILABLE;
		snprintf(entry->reason, sizeof(entry->reason), "version %u: %.480s", op->version,
			op->err.text);
	}
	operation_fail(op, status, "version %u cannot be deployed: %s", op->version, op->err.text);
}

// Keeps the kernels that were timed for the next time that this version is deployed.
static void deploy_keep_choices(struct operation *op, const struct model_entry *entry)
{
	struct model_version *stored = model_entry_version(entry, op->version);

	operation_log(op, LOG_LEVEL_INFO, "kernels %s", op->choices ? "as timed before" : "timed");
	if (!op->timed || !stored || stored->choices)
		return;
	stored->choices = op->timed;
	op->timed = NULL;
}

// Clients know a model by its name and id: what they send, and what they take its answers for, must
// not change under them.
static int deploy_check_interface(struct operation *op)
{
	const struct model *live = dataplane_model(op->server->dataplane, op->record.id);

	return op->force || !live
		? 0
		: interface_check(model_info(live), model_info(op->opened), &op->err);
}

static void deploy_commit(struct operation *op, struct model_entry *entry)
{
	dataplane_commit(op->server->dataplane, op->route);
	op->route = NULL;
	op->prepared = NULL;
	op->opened = NULL; // it belongs to the dataplane now
	deploy_keep_choices(op, entry);
	entry->record = op->record;
	entry->is_damaged = false;
	entry->state = MODEL_STATE_READY;
	entry->reason[0] = '\0';
	operation_reply(op, 200, deploy_json(op));
}

static void deploy_recorded(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code)
		deploy_refused(op, entry, op->status);
	else
		deploy_commit(op, entry);
}

static void deploy_opened(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct deployment_request request = {
		.id = op->record.id, .name = op->model, .version = op->version, .model = op->opened
	};
	int rc;

	if (op->err.code) {
		deploy_refused(op, entry, op->status);
		return;
	}
	if (deploy_check_interface(op) != 0) {
		deploy_refused(op, entry, 409);
		return;
	}
	rc = dataplane_prepare(op->server->dataplane, &request, &op->prepared, &op->err);
	if (rc == 0) {
		const struct route_request route = { .id = request.id, .live = op->prepared };

		rc = dataplane_make_route(op->server->dataplane, &route, &op->route, &op->err);
	}
	if (rc != 0)
		deploy_refused(op, entry,
			operation_status(&op->err, rc == -EEXIST || rc == -EBUSY ? 409 : 422));
	else if (op->recorded)
		deploy_commit(op, entry);
	else
		recording_begin(op, deploy_recorded);
}

// Fills op->record, after checking the id against what is known. 0, or the HTTP status of what is
// wrong with it, and op->err.
static int deploy_plan_record(
	struct operation *op, const struct model_entry *entry, const struct model_version *stored)
{
	const struct model_entry *holder;
	uint16_t id = op->id ? op->id : entry->record.id;

	if (id == 0 && entry->is_damaged) {
		error_set(&op->err, -EINVAL,
			"what the store says of model '%s' cannot be read (%.200s): say which id "
			"it "
			"has on the wire, as {\"id\": 7, \"live\": %u}",
			op->model, entry->reason, op->version);
		return 409;
	}
	if (id == 0) {
		error_set(&op->err, -EINVAL,
			"model '%s' was never deployed: say which id it has on the wire, as "
			"{\"id\": 7, \"live\": %u}",
			op->model, op->version);
		return 400;
	}
	if (entry->record.id && entry->record.id != id) {
		error_set(&op->err, -EEXIST,
			"model '%s' has id %u; clients know it by that: leave \"id\" out",
			op->model, entry->record.id);
		return 409;
	}
	holder = models_find_id(&op->server->models, id);
	if (holder && holder != entry) {
		error_set(&op->err, -EEXIST, "id %u is model '%s' already; use another", id,
			holder->name);
		return 409;
	}
	op->record = entry->record;
	op->record.id = id;
	op->record.loaded = true;
	record_promote(&op->record, op->version, stored->sha256);
	return 0;
}

void deploy_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *stored;
	int status;

	if (!entry) {
		operation_fail_unknown(op);
		return;
	}
	stored = model_entry_version(entry, op->version);
	if (!stored) {
		error_set(&op->err, -ENOENT,
			"there is no version %u of model '%s' in the store; push it first",
			op->version, op->model);
		if (entry->state != MODEL_STATE_READY)
			snprintf(entry->reason, sizeof(entry->reason), "%s", op->err.text);
		operation_fail(op, 404, "%s", op->err.text);
		return;
	}
	snprintf(op->sha256, sizeof(op->sha256), "%s",
		op->recorded && entry->record.sha256[0] ? entry->record.sha256 : stored->sha256);
	status = deploy_plan_record(op, entry, stored);
	if (status) {
		operation_fail(op, status, "%s", op->err.text);
		return;
	}
	if (entry->state != MODEL_STATE_READY)
		entry->state = MODEL_STATE_LOADING;
	op->choices = stored->choices;
	operation_work(op, deploy_open_stored, deploy_opened);
}

// The entry of a model whose record says what is to be done; NULL: there is none, and the operation failed.
static const struct model_entry *deploy_recorded_entry(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry)
		operation_fail_unknown(op);
	else if (entry->is_damaged)
		operation_fail(op, 409, "what the store says of model '%s' cannot be read: %s",
			op->model, entry->reason);
	return entry && !entry->is_damaged ? entry : NULL;
}

void deploy_begin_rollback(struct operation *op)
{
	const struct model_entry *entry = deploy_recorded_entry(op);

	if (!entry)
		return;
	if (entry->record.n_previous == 0) {
		operation_fail(op, 409, "model '%s' has no deployment before this one", op->model);
		return;
	}
	op->version = entry->record.previous[0];
	op->force = true; // it was in service
	deploy_begin(op);
}

void deploy_begin_load(struct operation *op)
{
	const struct model_entry *entry = deploy_recorded_entry(op);

	if (!entry)
		return;
	if (entry->record.id == 0) {
		operation_fail(op, 409,
			"model '%s' was never deployed: PUT /v1/models/%s/deployment says which "
			"version and id",
			op->model, op->model);
		return;
	}
	op->version = entry->record.live;
	deploy_begin(op);
}
