// SPDX-License-Identifier: BSD-3-Clause
#include "config/trusted_keys.h"

#include "config/schema.h"

#include <sodium.h>
#include <string.h>

// "lab", "lab*" or "*".
static bool trusted_is_pattern(const char *text)
{
	const size_t bytes = strlen(text);
	char name[CONFIG_NAME_MAX + 1];

	if (strcmp(text, "*") == 0)
		return true;
	snprintf(name, sizeof(name), "%s", text);
	if (bytes > 0 && name[bytes - 1] == '*')
		name[bytes - 1] = '\0';
	return name_is_valid(name);
}

static int trusted_read_key(
	const char *text, const char *service, struct minisign_public *key, struct error *err)
{
	if (sodium_init() < 0)
		return error_set(err, -EIO, "libsodium cannot be used here");
	return minisign_public_read(text, service, key, err);
}

static int trusted_read(const struct reader *reader, const config_setting_t *list, uint32_t index,
	const char *service, struct config_trusted_key *trusted)
{
	const config_setting_t *group = config_setting_get_elem(list, index);
	struct error why;
	char where[48];
	int rc;

	snprintf(where, sizeof(where), "trust.trusted_keys[%u]", index);
	rc = keys_read_group(reader, list, group, &SCHEMA_TRUSTED_KEY, where, trusted);
	if (rc != 0)
		return rc;
	if (!trusted_is_pattern(trusted->model))
		rc = reader_refuse(reader, config_setting_get_member(group, "model"),
			"%s.model: '%.64s' is neither a model's name, nor the beginning of names "
			"and "
			"\"*\", as \"lab*\"",
			where, trusted->model);
	if (trusted_read_key(trusted->key, service, &trusted->public, &why) != 0)
		rc = reader_refuse(reader, config_setting_get_member(group, "key"),
			"%s.key: %.300s; it must be a public key of minisign, a file or its line "
			"of "
			"base64",
			where, why.text);
	return rc;
}

// One model and one id: changes are told by these.
static int trusted_check_twice(
	const struct reader *reader, const config_setting_t *list, const struct config_trust *trust)
{
	int rc = 0;

	for (uint32_t i = 0; i < trust->n_trusted_keys; i++)
		for (uint32_t k = 0; k < i; k++) {
			const struct config_trusted_key *one = &trust->trusted_keys[i];
			const struct config_trusted_key *other = &trust->trusted_keys[k];
			char id[MINISIGN_ID_TEXT];

			if (strcmp(one->model, other->model) != 0 ||
				memcmp(one->public.id, other->public.id, sizeof(one->public.id)) !=
					0)
				continue;
			minisign_id_text(one->public.id, id);
			rc = reader_refuse(reader, config_setting_get_elem(list, i),
				"trust.trusted_keys[%u]: key %s of model '%s' stands at line %d "
				"already",
				i, id, one->model,
				config_setting_source_line(config_setting_get_elem(list, k)));
		}
	return rc;
}

int trusted_keys_read(const struct reader *reader, const config_setting_t *root,
	const char *service, struct config_trust *trust)
{
	const config_setting_t *group = config_setting_get_member(root, "trust");
	const config_setting_t *list = group && config_setting_is_group(group)
		? config_setting_get_member(group, "trusted_keys")
		: NULL;
	int rc = keys_check_list(reader, list, "trust.trusted_keys", CONFIG_TRUSTED_MAX);

	if (rc != 0)
		return rc;
	trust->n_trusted_keys = list ? (uint32_t)config_setting_length(list) : 0;
	for (uint32_t i = 0; i < trust->n_trusted_keys; i++)
		if (trusted_read(reader, list, i, service, &trust->trusted_keys[i]) != 0)
			rc = -EINVAL;
	return rc ? rc : trusted_check_twice(reader, list, trust);
}
