// SPDX-License-Identifier: BSD-3-Clause
// /v1/models/M/versions/V: images come into the store, verified but not live, and leave it.
#include "ctl/server/http/http.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/resources/resources.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void work_open_image(void *arg)
{
	struct operation *op = arg;
	struct model_options options = op->server->model_options;
	unsigned char hash[crypto_hash_sha256_BYTES];
	struct model *model = NULL;

	crypto_hash_sha256(hash, op->data, op->size);
	sodium_bin2hex(op->stored.sha256, sizeof(op->stored.sha256), hash, sizeof(hash));
	op->stored.version = op->version;
	op->stored.bytes = op->size;
	options.no_timing = true; // whether it is sound, not how fast: deploying times it
	op->rc = model_open(op->data, op->size, &options, &model, &op->err);
	if (op->rc == 0)
		op->rc = model_check_golden(model, &op->err);
	model_close(model);
}

static json_t *version_json(const struct operation *op)
{
	return json_pack("{s:s, s:i, s:I, s:s}", "model", op->model, "version", (int)op->version,
		"bytes", (json_int_t)op->stored.bytes, "sha256", op->stored.sha256);
}

static void put_written(struct operation *op)
{
	struct model_entry *entry;

	if (op->rc) {
		operation_fail(op, op->rc == -ENOSPC ? 507 : 500, "%s", op->err.text);
		return;
	}
	entry = models_get(&op->server->models, op->model);
	if (!entry || model_entry_add(entry, &op->stored) != 0) {
		operation_fail(
			op, 500, "stored, but there is no memory to list it; restart martletd");
		return;
	}
	operation_reply(op, 201, version_json(op));
}

static void put_verified(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *there = entry ? model_entry_version(entry, op->version) : NULL;
	char file[STORE_FILE_MAX];

	if (op->rc) {
		operation_fail(op, op->rc == -ENOMEM ? 500 : 422, "the image is refused: %s",
			op->err.text);
	} else if (there && strcmp(there->sha256, op->stored.sha256) == 0) {
		operation_reply(op, 200, version_json(op));
	} else if (there) {
		operation_fail(op, 409,
			"version %u of model '%s' is stored with other bytes (sha256 %s); a "
			"version never changes: use another number",
			op->version, op->model, there->sha256);
	} else if (!entry && op->server->models.n >= MODELS_MAX) {
		operation_fail(op, 409, "there are %d models already; delete one", MODELS_MAX);
	} else {
		store_image_file(file, op->version);
		operation_write(op, file, op->data, op->size, put_written);
	}
}

static void put_begin(struct operation *op)
{
	operation_work(op, work_open_image, put_verified);
}

void version_put(
	struct server *server, struct evhttp_request *request, const struct route_params *params)
{
	size_t size;
	void *image = http_take_body(request, &size);
	struct operation *op;

	if (!image)
		return;
	op = operation_create(server, request, params, "push", put_begin);
	if (!op) {
		free(image);
		return;
	}
	op->data = image;
	op->size = size;
	operation_start(op);
}

// --- Deleting ------------------------------------------------------------------------------------
// The record lets go of the version first, so that it never names a file that is not there.

static void delete_removed(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->rc) {
		operation_fail(op, 500, "%s", op->err.text);
		return;
	}
	model_entry_remove(entry, op->version);
	models_drop_empty(&op->server->models, entry);
	operation_reply(
		op, 200, json_pack("{s:s, s:i}", "model", op->model, "version", (int)op->version));
}

static void delete_unrecorded(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	char file[STORE_FILE_MAX];

	if (op->rc) {
		operation_fail(op, 500, "%s", op->err.text);
		return;
	}
	entry->record = op->record;
	store_image_file(file, op->version);
	operation_remove(op, file, delete_removed);
}

static void delete_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry || !model_entry_version(entry, op->version)) {
		operation_fail(
			op, 404, "there is no version %u of model '%s'", op->version, op->model);
		return;
	}
	op->record = entry->record;
	if (entry->record.live == op->version && entry->record.loaded) {
		operation_fail(op, 409,
			"version %u of model '%s' is live; promote another or unload the model "
			"first",
			op->version, op->model);
	} else if (entry->record.live == op->version) { // unloaded: the deployment goes with it
		memset(&op->record, 0, sizeof(op->record));
		operation_remove(op, STORE_DEPLOYMENT, delete_unrecorded);
	} else if (record_forget(&op->record, op->version)) {
		op->data = record_format(&op->record);
		operation_write(op, STORE_DEPLOYMENT, op->data, op->data ? strlen(op->data) : 0,
			delete_unrecorded);
	} else {
		delete_unrecorded(op);
	}
}

void version_delete(
	struct server *server, struct evhttp_request *request, const struct route_params *params)
{
	struct operation *op = operation_create(server, request, params, "delete", delete_begin);

	if (op)
		operation_start(op);
}
