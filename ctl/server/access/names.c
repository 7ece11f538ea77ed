// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/access/names.h"

#include "base/trust/principal.h"

#include <stdio.h>
#include <string.h>

static int names_add(struct names *names, const char *text, enum role role, struct error *err)
{
	struct names_entry *entry = &names->each[names->n];
	struct principal principal;
	const int rc = principal_parse(text, &principal, err);

	if (rc != 0)
		return rc;
	*entry = (struct names_entry){ .role = role, .kind = principal.kind, .id = principal.id };
	if (principal.name)
		snprintf(entry->name, sizeof(entry->name), "%s", principal.name);
	names->n++;
	return 0;
}

static int names_add_list(struct names *names, const char *key,
	const char (*list)[CONFIG_PRINCIPAL_BYTES], uint32_t n, enum role role, struct error *err)
{
	for (uint32_t i = 0; i < n; i++)
		if (names_add(names, list[i], role, err) != 0)
			return error_prefix(err, "trust.%s", key);
	return 0;
}

int names_read(const struct config *config, struct names *names, struct error *err)
{
	const struct config_trust *trust = &config->trust;
	char group[CONFIG_NAME_MAX + 8];
	int rc = 0;

	names->n = 0;
	if (config->control.group[0]) {
		snprintf(group, sizeof(group), "group:%s", config->control.group);
		rc = names_add(names, group, (enum role)config->control.group_role, err);
		if (rc != 0)
			error_prefix(err, "control.group");
	}
	if (rc == 0)
		rc = names_add_list(
			names, "clients", trust->clients, trust->n_clients, ROLE_CLIENT, err);
	if (rc == 0)
		rc = names_add_list(
			names, "viewers", trust->viewers, trust->n_viewers, ROLE_VIEWER, err);
	if (rc == 0)
		rc = names_add_list(names, "operators", trust->operators, trust->n_operators,
			ROLE_OPERATOR, err);
	return rc
		? rc
		: names_add_list(names, "admins", trust->admins, trust->n_admins, ROLE_ADMIN, err);
}

static bool names_has(const gid_t *groups, size_t n, gid_t wanted)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

enum role names_of_user(const struct names *names, uid_t uid, const gid_t *groups, size_t n)
{
	enum role role = ROLE_NONE;

	for (uint32_t i = 0; i < names->n; i++) {
		const struct names_entry *entry = &names->each[i];
		const bool fits = entry->kind == PRINCIPAL_USER
			? entry->id == uid
			: entry->kind == PRINCIPAL_GROUP && names_has(groups, n, entry->id);

		if (fits && entry->role > role)
			role = entry->role;
	}
	return role;
}

enum role names_of_certificate(const struct names *names, const char *name)
{
	enum role role = ROLE_NONE;

	for (uint32_t i = 0; i < names->n; i++) {
		const struct names_entry *entry = &names->each[i];

		if (entry->kind == PRINCIPAL_CERTIFICATE && entry->role > role &&
			strcmp(entry->name, name) == 0)
			role = entry->role;
	}
	return role;
}
