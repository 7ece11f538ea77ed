// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/retain.h"

#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/remove.h"

#define RETAIN_AT_ONCE 64 // of a model; the next push has the rest

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
		!retain_goes(entry, op->version, server->config->store.keep_versions)) {
		operation_fail(op, 409, "it is there for something by now: it stays");
		return;
	}
	server->versions_retired++;
	remove_begin(op);
}

static void retain_model(struct server *server, const struct model_entry *entry, uint16_t but)
{
	uint16_t going[RETAIN_AT_ONCE];
	char name[MODEL_NAME_MAX + 1];
	uint32_t n = 0;

	for (uint32_t i = 0; i < entry->n_versions && n < RETAIN_AT_ONCE; i++)
		if (entry->versions[i].version != but &&
			retain_goes(entry, entry->versions[i].version,
				server->config->store.keep_versions))
			going[n++] = entry->versions[i].version;
	// An operation may be done at once, and the list be another: none of it is looked at any more.
	snprintf(name, sizeof(name), "%s", entry->name);
	for (uint32_t i = 0; i < n; i++) {
		struct operation *op = operation_create(server, (struct operation_client){ 0 },
			"remove, by store.retention,", retain_begin, name, going[i]);

		if (op)
			operation_start(op);
	}
}

void retain(struct server *server, const char *name, uint16_t but)
{
	const struct model_entry *entry;

	if (server->config->store.keep_versions == 0)
		return;
	if (name) {
		entry = models_find(&server->models, name);
		if (entry)
			retain_model(server, entry, but);
		return;
	}
	// Where a removal is done at once its model stays: something of it is live, or is the newest.
	for (uint32_t i = 0; i < server->models.n; i++)
		retain_model(server, server->models.entries[i], 0);
}
