// SPDX-License-Identifier: BSD-3-Clause
#include "config/keys.h"

#include "base/nearest.h"
#include "config/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void keys_list_names(char *out, size_t size, const char *const *names, size_t n)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", names[i]);
}

int keys_check_names(const struct reader *reader, const config_setting_t *parent, const char *where,
	const char *const *names, size_t n)
{
	int rc = 0;

	for (int i = 0; i < config_setting_length(parent); i++) {
		const config_setting_t *child = config_setting_get_elem(parent, (unsigned)i);
		const char *name = config_setting_name(child);
		struct nearest nearest = { .wanted = name };
		char known[384];
		size_t k;

		for (k = 0; k < n && strcmp(names[k], name) != 0; k++)
			nearest_try(&nearest, names[k]);
		if (k < n)
			continue;
		keys_list_names(known, sizeof(known), names, n);
		rc = reader_refuse(reader, child, "%s%s%.64s: unknown key%s%s%s; known here: %s",
			where, *where ? "." : "", name, nearest.found ? ", did you mean '" : "",
			nearest.found ? nearest.found : "", nearest.found ? "'?" : "", known);
	}
	return rc;
}

int keys_check_list(
	const struct reader *reader, const config_setting_t *list, const char *where, uint32_t max)
{
	int n = list ? config_setting_length(list) : 0;
	int rc = 0;

	if (!list)
		return 0;
	if (!config_setting_is_list(list) && !(config_setting_is_array(list) && n == 0))
		return reader_refuse(reader, list,
			"%s: must be a list of groups, as in %s = ( { ... }, { ... } )", where,
			where);
	if ((uint32_t)n > max)
		return reader_refuse(
			reader, list, "%s: %d entries, but at most %u are possible", where, n, max);
	for (int i = 0; i < n; i++) {
		const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);

		if (!config_setting_is_group(element))
			rc = reader_refuse(reader, element,
				"%s[%d]: must be a group, as in { name = ...; }", where, i);
	}
	return rc;
}

static void keys_default(const struct key *key, void *base)
{
	void *field = (char *)base + key->offset;

	switch (key->type) {
	case KEY_U16:
		*(uint16_t *)field = (uint16_t)key->otherwise;
		break;
	case KEY_U32:
	case KEY_U32_AUTO:
	case KEY_CPU:
		*(uint32_t *)field = (uint32_t)key->otherwise;
		break;
	case KEY_REAL:
		*(double *)field = key->otherwise_real;
		break;
	case KEY_BOOL:
		*(bool *)field = key->otherwise != 0;
		break;
	case KEY_CHOICE:
		*(int *)field = (int)key->otherwise;
		break;
	case KEY_STRING:
	case KEY_NAME:
	case KEY_ISA:
		snprintf(field, key->field_bytes, "%s",
			key->otherwise_text ? key->otherwise_text : "");
		break;
	case KEY_CHOICES:
		*(uint32_t *)field = (uint32_t)key->otherwise;
		break;
	case KEY_CPUS:
	case KEY_ADDRESSES:
	case KEY_GROUPS:
	case KEY_VLANS:
	case KEY_TEXTS:
		*(uint32_t *)((char *)base + key->count_offset) = 0;
		break;
	case KEY_GROUP:
		break;
	case KEY_LISTEN:
		((struct config_listen *)field)->port = 0;
		break;
	}
}

// One key of a group that is written, or not.
static int keys_read_key(const struct reader *reader, const config_setting_t *setting,
	const struct key *key, const char *where, void *base)
{
	const config_setting_t *value =
		setting ? config_setting_get_member(setting, key->name) : NULL;
	int rc;

	if (!value && key->required && setting) {
		keys_default(key, base);
		return reader_refuse(
			reader, setting, "%s.%s is missing: %s", where, key->name, key->help);
	}
	if (!value) {
		keys_default(key, base);
		return 0;
	}
	rc = value_read(reader, value, key, where, base);
	if (rc != 0) // so that others can be checked
		keys_default(key, base);
	return rc;
}

int keys_read_group(const struct reader *reader, const config_setting_t *parent,
	const config_setting_t *setting, const struct key_group *group, const char *where,
	void *base)
{
	const char *names[32];
	int rc = 0;

	if (!setting && group->required)
		return reader_refuse(reader, parent, "%s is missing: %s", where, group->help);
	if (setting && !config_setting_is_group(setting))
		return reader_refuse(
			reader, setting, "%s: must be a group, as in %s = { ... };", where, where);
	assert(group->n_keys <= sizeof(names) / sizeof(names[0]));
	for (size_t k = 0; k < group->n_keys; k++)
		names[k] = group->keys[k].name;
	if (setting)
		rc = keys_check_names(reader, setting, where, names, group->n_keys);
	for (size_t k = 0; k < group->n_keys; k++)
		if (keys_read_key(reader, setting, &group->keys[k], where, base) != 0)
			rc = -EINVAL;
	return rc;
}
