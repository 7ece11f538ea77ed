// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/recover.h"

#include "ctl/server/log.h"
#include "ctl/server/operations/operation.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void found_deployment(
	struct server *server, struct model_entry *entry, const void *text, size_t size)
{
	struct error err;

	if (record_parse(text, size, &entry->record, &err) == 0) {
		if (!entry->record.loaded)
			snprintf(entry->reason, sizeof(entry->reason), "unloaded by the operator");
		return;
	}
	log_error("store: %s/" STORE_DEPLOYMENT " %s: not deployed", entry->name, err.text);
	snprintf(entry->reason, sizeof(entry->reason), STORE_DEPLOYMENT " %.400s", err.text);
}

static void found_version(
	struct model_entry *entry, uint16_t version, const void *image, size_t size)
{
	struct model_version stored = { .version = version, .bytes = size };
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, image, size);
	sodium_bin2hex(stored.sha256, sizeof(stored.sha256), hash, sizeof(hash));
	if (model_entry_add(entry, &stored) != 0)
		log_error("store: no memory to list version %u of %s", version, entry->name);
}

static void found(void *arg, const char *model, uint16_t version)
{
	struct server *server = arg;
	struct model_entry *entry = models_get(&server->models, model);
	char file[STORE_FILE_MAX] = STORE_DEPLOYMENT;
	struct error err;
	void *data;
	size_t size;

	if (!entry) {
		log_error("store: more than %d models; %s is passed over", MODELS_MAX, model);
		return;
	}
	if (version)
		store_image_file(file, version);
	if (store_read(server->parts.store, model, file, &data, &size, &err) != 0) {
		log_error("store: %s", err.text);
		return;
	}
	if (version)
		found_version(entry, version, data, size);
	else
		found_deployment(server, entry, data, size);
	free(data);
}

// --- Importing the configuration's images --------------------------------------------------------

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

	if (op->rc || !entry || model_entry_add(entry, &op->stored) != 0)
		import_failed(op);
	else
		deploy_begin(op);
}

static void import_verified(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	char file[STORE_FILE_MAX];
	uint32_t n = entry ? entry->n_versions : 0;

	if (op->rc) {
		import_failed(op);
		return;
	}
	op->version = 1;
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(entry->versions[i].sha256, op->stored.sha256) == 0) {
			op->version = entry->versions[i].version; // it is there already
			deploy_begin(op);
			return;
		}
		op->version = (uint16_t)(entry->versions[i].version + 1);
	}
	if (op->version == 0) {
		op->rc = error_set(
			&op->err, -ENOSPC, "version 65535 is taken: delete some versions");
		import_failed(op);
		return;
	}
	op->stored.version = op->version;
	store_image_file(file, op->version);
	operation_write(op, file, op->data, op->size, import_written);
}

static void work_import(void *arg)
{
	struct operation *op = arg;

	op->rc = store_read_path(op->path, &op->data, &op->size, &op->err);
	if (op->rc == 0)
		work_open_image(op);
	if (op->rc)
		error_prefix(&op->err, "%.200s", op->path);
}

static void import_begin(struct operation *op)
{
	operation_work(op, work_import, import_verified);
}

static int queue_import(struct server *server, const struct config_model *model)
{
	struct model_entry *entry = models_get(&server->models, model->name);
	struct operation *op;

	if (!entry)
		return -ENOMEM;
	if (entry->record.id) {
		if (entry->record.id != model->id)
			log_warning(
				"model %s: the store knows it by id %u, the configuration (line "
				"%d) by %u: the store's stands",
				model->name, entry->record.id, model->line, model->id);
		return 0;
	}
	op = operation_create(server, NULL, NULL, "import", import_begin);
	if (!op)
		return -ENOMEM;
	snprintf(op->model, sizeof(op->model), "%s", model->name);
	op->id = model->id;
	op->path = model->image;
	operation_start(op);
	return 0;
}

int recover(struct server *server, struct error *err)
{
	const struct config *config = server->parts.config;
	int rc = store_scan(server->parts.store, found, server, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < server->models.n; i++) {
		const struct model_entry *entry = server->models.entries[i];
		struct operation *op;

		if (!entry->record.id || !entry->record.loaded)
			continue;
		op = operation_create(server, NULL, NULL, "bring back", deploy_begin);
		if (!op)
			return error_set(
				err, -ENOMEM, "no memory to bring back model %s", entry->name);
		snprintf(op->model, sizeof(op->model), "%s", entry->name);
		op->version = entry->record.live;
		op->recorded = true;
		operation_start(op);
	}
	for (uint32_t i = 0; i < config->n_models; i++)
		if (queue_import(server, &config->models[i]) != 0)
			return error_set(
				err, -ENOMEM, "no memory for model %s", config->models[i].name);
	return 0;
}
