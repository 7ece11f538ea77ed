// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/push.h"

#include "ctl/server/operations/keep.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/retain.h"
#include "ctl/server/operations/verify.h"

#include <string.h>

static json_t *push_json(const struct operation *op)
{
	return json_pack("{s:s, s:i, s:I, s:s, s:o}", "model", op->model, "version",
		(int)op->version, "bytes", (json_int_t)op->stored.bytes, "sha256",
		op->stored.sha256, "signed_by",
		op->stored.signed_by[0] ? json_string(op->stored.signed_by) : json_null());
}

static void push_written(struct operation *op)
{
	struct server *server = op->server;
	const uint16_t version = op->version;
	char name[MODEL_NAME_MAX + 1];
	struct model_entry *entry;

	if (op->err.code) {
		operation_fail(op, operation_status(&op->err, 500), "%s", op->err.text);
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

static void push_signed(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	struct model_version *there = model_entry_version(entry, op->version);

	if (op->err.code) {
		operation_fail(op, operation_status(&op->err, 500), "%s", op->err.text);
		return;
	}
	memcpy(there->signed_by, op->stored.signed_by, sizeof(there->signed_by));
	there->signed_version = op->stored.signed_version;
	operation_reply(op, 200, push_json(op));
}

// The same image again: signed by another key now, or signed at last. What nobody can check takes no signature's place.
static void push_again(struct operation *op, const struct model_version *there)
{
	if (op->signature && (op->claim.is_good || !there->signed_by[0]))
		keep_signature(op, push_signed);
	else {
		memcpy(op->stored.signed_by, there->signed_by, sizeof(op->stored.signed_by));
		operation_reply(op, 200, push_json(op));
	}
}

static void push_verified(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *there = entry ? model_entry_version(entry, op->version) : NULL;

	if (op->err.code) {
		operation_fail(op, op->status, "the image is refused: %s", op->err.text);
	} else if (there && strcmp(there->sha256, op->stored.sha256) == 0) {
		push_again(op, there);
	} else if (there) {
		operation_fail(op, 409,
			"version %u of model '%s' is stored with other bytes (sha256 %s); a "
			"version never changes: use another number",
			op->version, op->model, there->sha256);
	} else if (!entry && op->server->models.n >= MODELS_MAX) {
		operation_fail(op, 409, "there are %d models already; delete one", MODELS_MAX);
	} else {
		keep_image(op, push_written);
	}
}

void push_begin(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *there = entry ? model_entry_version(entry, op->version) : NULL;

	if (there)
		memcpy(op->there_sha256, there->sha256, sizeof(op->there_sha256));
	operation_work(op, verify_image, push_verified);
}
