// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/import.h"

#include "ctl/server/log.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/keep.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/stored_image.h"
#include "ctl/server/operations/verify.h"

#include <stdlib.h>
#include <string.h>

static void import_failed(struct operation *op)
{
	struct model_entry *entry = models_get(&op->server->models, op->model);

	if (entry)
		snprintf(entry->reason, sizeof(entry->reason), "%s", op->err.text);
	operation_fail(op, 500, "%s", op->err.text);
}

static void import_written(struct operation *op)
{
	struct model_entry *entry = models_get(&op->server->models, op->model);

	if (!op->err.code && (!entry || model_entry_add(entry, &op->stored) != 0))
		error_set(&op->err, -ENOMEM, "stored, but there is no memory to list it");
	if (op->err.code) {
		import_failed(op);
		return;
	}
	op->wish.live = op->version;
	deploy_begin(op);
}

static void import_verified(struct operation *op)
{
	if (op->err.code) {
		error_prefix(&op->err, "%.200s", op->path);
		import_failed(op);
	} else if (op->there_sha256[0]) {
		op->wish.live = op->version;
		deploy_begin(op);
	} else {
		keep_image(op, import_written);
	}
}

// The version that it is to be: the one that has the same bytes, or the next. 0: there is no number left.
static uint16_t import_version(const struct operation *op, const struct model_entry *entry)
{
	const uint32_t n = entry ? entry->n_versions : 0;
	uint16_t next = 1;

	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(entry->versions[i].sha256, op->stored.sha256) == 0)
			return entry->versions[i].version;
		next = (uint16_t)(entry->versions[i].version + 1);
	}
	return next;
}

static void import_hashed(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code) {
		import_failed(op);
		return;
	}
	op->version = op->stored.version = import_version(op, entry);
	if (op->version == 0) {
		error_set(&op->err, -ENOSPC, "version 65535 is taken: delete some versions");
		import_failed(op);
		return;
	}
	if (entry && model_entry_version(entry, op->version)) // which has the same bytes
		memcpy(op->there_sha256, op->stored.sha256, sizeof(op->there_sha256));
	operation_work(op, verify_image, import_verified);
}

// Work.
static void import_read(void *arg)
{
	struct operation *op = arg;
	struct stored_image_file file;

	if (stored_image_read_file(op->path, &file, &op->err) != 0)
		return;
	op->data = file.bytes;
	op->size = file.size;
	op->signature = file.signature;
	op->signature_size = file.signature_size;
	verify_hash(op);
}

static void import_begin(struct operation *op)
{
	operation_work(op, import_read, import_hashed);
}

int import_start(struct server *server, const struct config_model *model, struct error *err)
{
	struct model_entry *entry = models_get(&server->models, model->name);
	struct operation *op;
	char *path;

	if (!entry)
		return error_set(err, -ENOMEM, "no memory for model %s", model->name);
	if (entry->is_damaged) {
		log_error(
			"model %s: what the store says of it cannot be read, so it is not "
			"deployed; "
			"the configuration's image (line %d) does not take its place: promote a "
			"version",
			model->name, model->line);
		return 0;
	}
	if (entry->record.id) {
		if (entry->record.id != model->id)
			log_warning(
				"model %s: the store knows it by id %u, the configuration (line "
				"%d) by %u: the store's stands",
				model->name, entry->record.id, model->line, model->id);
		return 0;
	}
	path = strdup(model->image); // the configuration may be another by then
	op = path ? operation_create(server, (struct operation_client){ 0 }, "import", import_begin,
			    model->name, 0)
		  : NULL;
	if (!op) {
		free(path);
		return error_set(err, -ENOMEM, "no memory for model %s", model->name);
	}
	op->wish.id = model->id;
	op->path = path;
	operation_start(op);
	return 0;
}
