// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/push.h"

#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/retain.h"
#include "ctl/server/operations/verify.h"
#include "ctl/server/store/store.h"

#include <string.h>

static json_t *push_json(const struct operation *op)
{
	return json_pack("{s:s, s:i, s:I, s:s}", "model", op->model, "version", (int)op->version,
		"bytes", (json_int_t)op->stored.bytes, "sha256", op->stored.sha256);
}

static void push_taken_back(struct operation *op)
{
	struct error *failed = &op->recording.failed;

	if (op->err.code)
		operation_fail(op, operation_status(failed, 500),
			"%s; nor can what there is of it be removed: a restart may find it",
			failed->text);
	else
		operation_fail(op, operation_status(failed, 500), "%s", failed->text);
}

static void push_written(struct operation *op)
{
	struct server *server = op->server;
	const uint16_t version = op->version;
	char name[MODEL_NAME_MAX + 1], file[STORE_FILE_MAX];
	struct model_entry *entry;

	if (op->err.code) { // it may be there under its name: what is refused is not to come back
		op->recording.failed = op->err;
		store_image_file(file, version);
		operation_remove(op, file, push_taken_back);
		return;
	}
	entry = models_get(&op->server->models, op->model);
	if (!entry || model_entry_add(entry, &op->stored) != 0) {
		operation_fail(
			op, 500, "stored, but there is no memory to list it; restart martletd");
		return;
	}
	snprintf(name, sizeof(name), "%s", op->model);
	operation_reply(op, 201, push_json(op));
	retain(server, name, version);
}

static void push_verified(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *there = entry ? model_entry_version(entry, op->version) : NULL;
	char file[STORE_FILE_MAX];

	if (op->err.code) {
		operation_fail(op, op->status, "the image is refused: %s", op->err.text);
	} else if (there && strcmp(there->sha256, op->stored.sha256) == 0) {
		operation_reply(op, 200, push_json(op));
	} else if (there) {
		operation_fail(op, 409,
			"version %u of model '%s' is stored with other bytes (sha256 %s); a "
			"version never changes: use another number",
			op->version, op->model, there->sha256);
	} else if (!entry && op->server->models.n >= MODELS_MAX) {
		operation_fail(op, 409, "there are %d models already; delete one", MODELS_MAX);
	} else {
		store_image_file(file, op->version);
		operation_write(op, file, push_written);
	}
}

void push_begin(struct operation *op)
{
	operation_work(op, verify_image, push_verified);
}
