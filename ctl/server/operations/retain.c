// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/retain.h"

#include "base/retention.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/remove.h"
#include "ctl/server/store/store.h"

#include <stdlib.h>
#include <string.h>

#define RETAIN_AT_ONCE 64 // of a model; the last of them looks for more

uint32_t retain_keep(const struct server *server, const struct model_entry *entry)
{
	return entry->retention.is_own ? entry->retention.keep
				       : server->config->store.keep_versions;
}

bool retain_goes(const struct model_entry *entry, uint16_t version, uint32_t keep)
{
	uint32_t newer = 0;

	if (keep == 0 || entry->is_damaged || record_role(&entry->record, version) ||
		record_holds(&entry->record, version))
		return false;
	for (uint32_t i = 0; i < entry->n_versions; i++)
		newer += entry->versions[i].version > version;
	return newer >= keep;
}

// By its turn it may have come into service.
static void retain_begin(struct operation *op)
{
	struct server *server = op->server;
	const struct model_entry *entry = models_find(&server->models, op->model);

	if (!entry || !model_entry_version(entry, op->version) ||
		!retain_goes(entry, op->version, retain_keep(server, entry))) {
		operation_fail(op, 409, "it is there for something by now: it stays");
		return;
	}
	server->versions_retired++;
	remove_begin(op);
}

static void retain_begin_more(struct operation *op);

static void retain_start(struct server *server, const char *name, uint16_t version,
	void (*begin)(struct operation *op))
{
	struct operation *op = operation_create(server, (struct operation_client){ 0 },
		"remove, by its retention,", begin, name, version);

	if (op)
		operation_start(op);
}

// Those above `after`.
static void retain_model(
	struct server *server, const struct model_entry *entry, uint16_t after, uint16_t but)
{
	const uint32_t keep = retain_keep(server, entry);
	uint16_t going[RETAIN_AT_ONCE];
	char name[MODEL_NAME_MAX + 1];
	uint32_t n = 0;
	bool is_more = false;

	for (uint32_t i = 0; keep && i < entry->n_versions && !is_more; i++) {
		const uint16_t version = entry->versions[i].version;

		if (version <= after || version == but || !retain_goes(entry, version, keep))
			continue;
		is_more = n == RETAIN_AT_ONCE;
		if (!is_more)
			going[n++] = version;
	}
	// An operation may be done at once, and the list be another: none of it is looked at any more.
	snprintf(name, sizeof(name), "%s", entry->name);
	for (uint32_t i = 0; i < n; i++)
		retain_start(server, name, going[i], retain_begin);
	if (is_more)
		retain_start(server, name, going[n - 1], retain_begin_more);
}

// By the turn of this one those up to it are gone, or cannot be removed.
static void retain_begin_more(struct operation *op)
{
	struct server *server = op->server;
	const struct model_entry *entry = models_find(&server->models, op->model);
	const uint16_t after = op->version;

	operation_done(op);
	if (entry)
		retain_model(server, entry, after, 0);
}

void retain(struct server *server, const char *name, uint16_t but)
{
	const struct model_entry *entry;

	if (name) {
		entry = models_find(&server->models, name);
		if (entry)
			retain_model(server, entry, 0, but);
		return;
	}
	// Where a removal is done at once its model stays: something of it is live, or is the newest.
	for (uint32_t i = 0; i < server->models.n; i++)
		retain_model(server, server->models.entries[i], 0, 0);
}

// --- A model's own policy ------------------------------------------------------------------------

static void retain_write(struct operation *op, const struct model_retention *retention,
	void (*then)(struct operation *op))
{
	char text[RETENTION_BYTES];

	free(op->data);
	op->data = NULL;
	if (!retention->is_own) {
		operation_remove(op, STORE_RETENTION, then);
		return;
	}
	retention_format(text, retention->keep);
	op->data = strdup(text);
	op->size = strlen(text);
	if (op->data) {
		operation_write(op, STORE_RETENTION, then);
		return;
	}
	error_set(&op->err, -ENOMEM, "no memory to write " STORE_RETENTION);
	op->status = 500;
	then(op);
}

static void retain_put_back(struct operation *op)
{
	const struct error *failed = &op->recording.failed;

	operation_fail(op, operation_status(failed, 500), "model '%s' stays as it is: %s%s",
		op->model, failed->text,
		op->err.code ? "; nor could the policy before be put back: which of the two a "
			       "restart finds is not known"
			     : "");
}

json_t *retain_json(const struct server *server, const struct model_entry *entry)
{
	char text[RETENTION_BYTES];

	retention_format(text, retain_keep(server, entry));
	return json_pack("{s:s, s:s, s:s}", "model", entry->name, "retention", text, "from",
		entry->retention.is_own ? "model" : "store.retention");
}

static void retain_written(struct operation *op)
{
	struct server *server = op->server;
	struct model_entry *entry = models_find(&server->models, op->model);
	char name[MODEL_NAME_MAX + 1];

	if (op->err.code) { // it may be there under its name
		op->recording.failed = op->err;
		retain_write(op, &entry->retention, retain_put_back);
		return;
	}
	snprintf(name, sizeof(name), "%s", op->model);
	entry->retention = op->retention;
	operation_reply(op, 200, retain_json(server, entry));
	retain(server, name, 0);
}

void retain_begin_change(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry)
		operation_fail_unknown(op);
	else
		retain_write(op, &op->retention, retain_written);
}

// A policy that cannot be read is a later martletd's, or damaged: then nothing goes.
static void retain_recover_model(struct server *server, struct model_entry *entry)
{
	char text[RETENTION_BYTES] = "";
	struct error err;
	void *data;
	size_t size;
	int rc = store_read(server->store, entry->name, STORE_RETENTION, &data, &size, &err);

	if (rc == -ENOENT)
		return;
	entry->retention = (struct model_retention){ .is_own = true };
	if (rc == 0 && size < sizeof(text))
		memcpy(text, data, size);
	if (rc != 0)
		log_error("store: %s: all versions of model %s are kept", err.text, entry->name);
	else if (!retention_parse(text, &entry->retention.keep))
		log_error("store: %s/" STORE_RETENTION " says neither " RETENTION_WANTS
			  ": all versions are kept",
			entry->name);
	if (rc == 0)
		free(data);
}

void retain_recover(struct server *server)
{
	for (uint32_t i = 0; i < server->models.n; i++)
		retain_recover_model(server, server->models.entries[i]);
}
