// SPDX-License-Identifier: BSD-3-Clause
// Deploying a stored version: open it with timing on the worker, publish it to the lcores, record
// it durably. Promote, roll back, load and starting martletd all come through deploy_begin().
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/operation.h"

#include <stdlib.h>
#include <string.h>

static json_t *deployment_json(const struct operation *op)
{
	const struct record *r = &op->record;

	return json_pack("{s:s, s:i, s:i, s:o}", "model", op->model, "id", (int)r->id, "live",
		(int)r->live, "previous",
		r->n_previous ? json_integer(r->previous[0]) : json_null());
}

// Timing kernels takes milliseconds of CPU: once in the life of the process is enough for an image,
// so that a swap back takes none from the traffic.
static void work_open_stored(void *arg)
{
	struct operation *op = arg;
	struct model_options options = op->server->model_options;
	char file[STORE_FILE_MAX];
	void *image = NULL;
	size_t size;

	store_image_file(file, op->version);
	op->rc = store_read(op->server->parts.store, op->model, file, &image, &size, &op->err);
	options.choices = op->choices;
	if (op->rc == 0)
		op->rc = model_open(image, size, &options, &op->opened, &op->err);
	if (op->rc)
		op->opened = NULL;
	else if (!op->choices)
		op->timed = model_choices(op->opened);
	free(image);
}

// What was in service goes on where there was something.
static void deploy_refused(struct operation *op, struct model_entry *entry, int status)
{
	if (entry->state == MODEL_STATE_LOADING) {
		entry->state = MODEL_STATE_UNAVAILABLE;
		snprintf(entry->reason, sizeof(entry->reason), "version %u: %.480s", op->version,
			op->err.text);
	}
	operation_fail(op, status, "version %u cannot be deployed: %s", op->version, op->err.text);
}

static void deploy_recorded(struct operation *op)
{
	if (op->rc)
		operation_fail(op, op->rc == -ENOSPC ? 507 : 500,
			"version %u is live, but a restart would not bring it back: %s",
			op->version, op->err.text);
	else
		operation_reply(op, 200, deployment_json(op));
}

// For the next time that this version is deployed.
static void keep_choices(struct operation *op, const struct model_entry *entry)
{
	struct model_version *stored = model_entry_version(entry, op->version);

	log_info("deploy: model %s, version %u: kernels %s", op->model, op->version,
		op->choices ? "as timed before" : "timed");
	if (!op->timed || !stored || stored->choices)
		return;
	stored->choices = op->timed;
	op->timed = NULL;
}

static void deploy_opened(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct deployment_request request = {
		.id = op->record.id, .name = op->model, .version = op->version, .model = op->opened
	};
	int rc = op->rc;

	if (rc) {
		deploy_refused(op, entry, rc == -ENOMEM || rc == -EIO ? 500 : 422);
		return;
	}
	rc = dataplane_publish(op->server->parts.dataplane, &request, &op->err);
	if (rc) {
		deploy_refused(op, entry, rc == -EEXIST || rc == -EBUSY ? 409 : 422);
		return;
	}
	op->opened = NULL; // the dataplane's now
	keep_choices(op, entry);
	entry->record = op->record;
	entry->state = MODEL_STATE_READY;
	entry->reason[0] = '\0';
	if (op->recorded) {
		operation_reply(op, 200, deployment_json(op));
		return;
	}
	free(op->data);
	op->data = record_format(&op->record);
	operation_write(
		op, STORE_DEPLOYMENT, op->data, op->data ? strlen(op->data) : 0, deploy_recorded);
}

// Checks the id against what is known; fills op->record. 0, or the HTTP status.
static int plan_record(struct operation *op, const struct model_entry *entry)
{
	const struct model_entry *holder;
	uint16_t id = op->id ? op->id : entry->record.id;

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
	record_promote(&op->record, op->version);
	return 0;
}

void deploy_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *stored;
	int status;

	if (!entry) {
		operation_fail(op, 404, "there is no model '%s'", op->model);
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
	status = plan_record(op, entry);
	if (status) {
		operation_fail(op, status, "%s", op->err.text);
		return;
	}
	if (entry->state != MODEL_STATE_READY)
		entry->state = MODEL_STATE_LOADING;
	op->choices = stored->choices;
	operation_work(op, work_open_stored, deploy_opened);
}
