// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/models.h"

#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

const char *model_state_name(enum model_state state)
{
	static const char *const NAMES[] = { "UNAVAILABLE", "LOADING", "READY", "UNLOADING" };

	return NAMES[state];
}

static void model_entry_destroy(struct model_entry *entry)
{
	for (uint32_t i = 0; i < entry->n_versions; i++)
		free(entry->versions[i].choices);
	free(entry->versions);
	free(entry->owed.text);
	free(entry);
}

void models_fini(struct models *models)
{
	for (uint32_t i = 0; i < models->n; i++)
		model_entry_destroy(models->entries[i]);
	free(models->entries);
	memset(models, 0, sizeof(*models));
}

struct model_entry *models_find(const struct models *models, const char *name)
{
	for (uint32_t i = 0; i < models->n; i++)
		if (strcmp(models->entries[i]->name, name) == 0)
			return models->entries[i];
	return NULL;
}

struct model_entry *models_find_id(const struct models *models, uint16_t id)
{
	for (uint32_t i = 0; i < models->n; i++)
		if (models->entries[i]->record.id == id)
			return models->entries[i];
	return NULL;
}

const char *models_nearest(const struct models *models, const char *name)
{
	struct nearest nearest = { .wanted = name };

	for (uint32_t i = 0; i < models->n; i++)
		nearest_try(&nearest, models->entries[i]->name);
	return nearest.found;
}

struct model_entry *models_get(struct models *models, const char *name)
{
	struct model_entry *entry = models_find(models, name);
	struct model_entry **entries;
	uint32_t at = 0;

	if (entry || models->n == MODELS_MAX)
		return entry;
	entries = realloc(models->entries, (models->n + 1) * sizeof(*entries));
	if (!entries)
		return NULL;
	models->entries = entries;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->serial = ++models->n_ever;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	snprintf(entry->reason, sizeof(entry->reason), "not deployed");
	while (at < models->n && strcmp(entries[at]->name, name) < 0)
		at++;
	memmove(entries + at + 1, entries + at, (models->n - at) * sizeof(*entries));
	entries[at] = entry;
	models->n++;
	return entry;
}

void models_drop_empty(struct models *models, struct model_entry *entry)
{
	if (entry->n_versions > 0 || entry->record.id != 0 || entry->owed.is)
		return;
	for (uint32_t i = 0; i < models->n; i++) {
		if (models->entries[i] != entry)
			continue;
		models->n--;
		memmove(models->entries + i, models->entries + i + 1,
			(models->n - i) * sizeof(*models->entries));
		model_entry_destroy(entry);
		return;
	}
}

const char *model_entry_reason(const struct model_entry *entry)
{
	return entry->reason[0] || !entry->owed.is ? entry->reason : entry->owed.why;
}

struct model_version *model_entry_version(const struct model_entry *entry, uint16_t version)
{
	for (uint32_t i = 0; i < entry->n_versions; i++)
		if (entry->versions[i].version == version)
			return &entry->versions[i];
	return NULL;
}

int model_entry_add(struct model_entry *entry, const struct model_version *version)
{
	struct model_version *versions =
		realloc(entry->versions, (entry->n_versions + 1) * sizeof(*versions));
	uint32_t at = 0;

	if (!versions)
		return -ENOMEM;
	entry->versions = versions;
	while (at < entry->n_versions && versions[at].version < version->version)
		at++;
	memmove(versions + at + 1, versions + at, (entry->n_versions - at) * sizeof(*versions));
	versions[at] = *version;
	entry->n_versions++;
	return 0;
}

void model_entry_remove(struct model_entry *entry, uint16_t version)
{
	for (uint32_t i = 0; i < entry->n_versions; i++) {
		if (entry->versions[i].version != version)
			continue;
		free(entry->versions[i].choices);
		entry->n_versions--;
		memmove(entry->versions + i, entry->versions + i + 1,
			(entry->n_versions - i) * sizeof(*entry->versions));
		return;
	}
}
