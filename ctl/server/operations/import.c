// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/import.h"

#include "base/file.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/verify.h"
#include "ctl/server/store/store.h"

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
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	char file[STORE_FILE_MAX];
	uint32_t n = entry ? entry->n_versions : 0;

	if (op->err.code) {
		import_failed(op);
		return;
	}
	op->version = 1;
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(entry->versions[i].sha256, op->stored.sha256) == 0) {
			op->version =
				entry->versions[i].version; // the same bytes are stored already
			op->wish.live = op->version;
			deploy_begin(op);
			return;
		}
		op->version = (uint16_t)(entry->versions[i].version + 1);
	}
	if (op->version == 0) {
		error_set(&op->err, -ENOSPC, "version 65535 is taken: delete some versions");
		import_failed(op);
		return;
	}
	op->stored.version = op->version;
	store_image_file(file, op->version);
	operation_write(op, file, import_written);
}

// Work: the image is read and verified.
static void import_read(void *arg)
{
	struct operation *op = arg;

	if (file_read(op->path, STORE_IMAGE_BYTES_MAX, &op->data, &op->size, &op->err) != 0)
		return;
	verify_image(op);
	if (op->err.code)
		error_prefix(&op->err, "%.200s", op->path);
}

static void import_begin(struct operation *op)
{
	operation_work(op, import_read, import_verified);
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
