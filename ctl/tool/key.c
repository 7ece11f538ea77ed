// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/key.h"

#include "base/trust/keys_change.h"
#include "base/trust/utc.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEYS_PATH "/etc/martlet/keys"

struct key_request {
	const char *keys, *client;
	struct wire_key key; // id, name and models that are asked for
	uint32_t id;         // 0: the next free one
	int64_t after;       // seconds
};

#define KEY_FILE                                                                                   \
	{                                                                                          \
		"keys", 'k', "FILE", "the file of keys (" KEYS_PATH ")",                           \
			OPTION_TO_TEXT(struct key_request, keys)                                   \
	}

static int key_parse_name(void *field, const char *text, struct error *err)
{
	if (!name_is_valid(text))
		return error_set(err, -EINVAL,
			"'%.64s' is no name: letters, digits, '_', '.' and '-', the first one a "
			"letter or digit",
			text);
	snprintf(field, NAME_BYTES_MAX + 1, "%s", text);
	return 0;
}

static int key_parse_models(void *field, const char *text, struct error *err)
{
	return wire_key_models_parse(field, text, err);
}

// "90s", "30m", "1h", "7d".
static int key_parse_after(void *field, const char *text, struct error *err)
{
	if (utc_span_parse(text, field))
		return 0;
	return error_set(err, -EINVAL,
		"'%.32s' is no time from now on: a number and s, m, h or d, as 30m or 1h", text);
}

static bool key_begin(
	const struct command *command, char **argv, struct key_request *request, int *exit)
{
	*request = (struct key_request){ .keys = KEYS_PATH };
	if (!command_parse(command, argv, request, exit))
		return false;
	if (tool_has_sodium())
		return true;
	*exit = TOOL_REFUSED;
	return false;
}

// --- As text and JSON ----------------------------------------------------------------------------

// Never its secret.
static json_t *key_json(const struct wire_key *key)
{
	char not_before[UTC_BYTES], retires[UTC_BYTES];
	json_t *models = json_array();

	for (uint32_t i = 0; i < key->n_models; i++)
		json_array_append_new(models, json_string(key->models[i]));
	if (key->n_models == 0)
		json_array_append_new(models, json_string("*"));
	utc_text(key->not_before, not_before);
	utc_text(key->retires, retires);
	return json_pack("{s:i, s:s, s:o, s:s?, s:s?, s:s}", "id", key->id, "name", key->name,
		"models", models, "not_before", key->not_before ? not_before : NULL, "retires",
		key->retires ? retires : NULL, "state",
		wire_key_state_name(wire_key_state(key, time(NULL))));
}

static int key_print_json(const struct wire_key *key, const char *keys)
{
	json_t *json = key_json(key);

	json_object_set_new(json, "keys", json_string(keys));
	return tool_print_json(json);
}

static void key_print_reload(void)
{
	printf("martletd reads it when it reloads: systemctl reload martletd, or SIGHUP\n");
}

// --- generate ------------------------------------------------------------------------------------

static const struct option_entry GENERATE[] = {
	{ NULL, 0, "NAME", "whose it is, for people",
		OPTION_TO_OWN(struct key_request, key.name, key_parse_name), .required = true },
	KEY_FILE,
	{ "id", 0, "N", "its id, 1 to 65535 (the next that is free)",
		OPTION_TO_U32(struct key_request, id, 1, 65535) },
	{ "models", 'm', "A,B", "the models that it may use (all)",
		OPTION_TO_OWN(struct key_request, key, key_parse_models) },
	{ "client", 'c', "FILE", "write it also to a file of its own, for the client",
		OPTION_TO_TEXT(struct key_request, client) },
	{ 0 },
};

static int key_generate_run(const struct command *command, char **argv)
{
	struct key_request request;
	struct error err;
	int exit, rc;

	if (!key_begin(command, argv, &request, &exit))
		return exit;
	request.key.id = (uint16_t)request.id;
	if (request.client && access(request.client, F_OK) == 0)
		return tool_refuse("%s: is there already, and is not written over; nothing is done",
			request.client);
	rc = keys_add(request.keys, &request.key, &err);
	if (rc == 0 && request.client)
		rc = keys_create(request.client, &request.key, &err);
	sodium_memzero(request.key.secret, sizeof(request.key.secret));
	if (rc != 0)
		return tool_refuse("%s", err.text);
	if (tool.json)
		return key_print_json(&request.key, request.keys);
	printf("key %u (%s) is in %s", request.key.id, request.key.name, request.keys);
	printf(request.client ? " and, for the client, in %s\n" : "\n", request.client);
	key_print_reload();
	return TOOL_DONE;
}

const struct command key_generate_command = {
	.words = "key generate",
	.summary = "make a key of authenticated datagrams",
	.entries = GENERATE,
	.run = key_generate_run,
};

// --- list ----------------------------------------------------------------------------------------

static const struct option_entry LIST[] = { KEY_FILE, { 0 } };

static int key_print_all_json(const struct wire_keys *keys)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < keys->n; i++)
		json_array_append_new(list, key_json(&keys->keys[i]));
	return tool_print_json(json_pack("{s:o}", "keys", list));
}

static void key_print_table(const struct wire_keys *keys)
{
	char models[KEY_MODELS_BYTES], time_text[UTC_BYTES];
	struct table table;

	TABLE_INIT(&table, ">ID", "NAME", "STATE", "NOT BEFORE", "RETIRES", "MODELS");
	for (uint32_t i = 0; i < keys->n; i++) {
		const struct wire_key *key = &keys->keys[i];

		table_add(&table, "%u", key->id);
		table_add(&table, "%s", key->name);
		table_add(&table, "%s", wire_key_state_name(wire_key_state(key, time(NULL))));
		utc_text(key->not_before, time_text);
		table_add(&table, "%s", time_text);
		utc_text(key->retires, time_text);
		table_add(&table, "%s", time_text);
		wire_key_models_text(key, models);
		table_add(&table, "%s", models);
	}
	table_print(&table, stdout, 0);
}

static int key_list_run(const struct command *command, char **argv)
{
	struct key_request request;
	struct wire_keys *keys;
	struct error err;
	int exit;

	if (!key_begin(command, argv, &request, &exit))
		return exit;
	if (keys_read(request.keys, &keys, &err) != 0)
		return tool_refuse("%s", err.text);
	exit = TOOL_DONE;
	if (tool.json)
		exit = key_print_all_json(keys);
	else
		key_print_table(keys);
	keys_free(keys);
	return exit;
}

const struct command key_list_command = {
	.words = "key list",
	.summary = "the keys of authenticated datagrams, without their secrets",
	.entries = LIST,
	.run = key_list_run,
};

// --- retire --------------------------------------------------------------------------------------

static const struct option_entry RETIRE[] = {
	{ NULL, 0, "ID", "the key's, 1 to 65535", OPTION_TO_U32(struct key_request, id, 1, 65535),
		.required = true },
	KEY_FILE,
	{ "after", 0, "TIME", "keep it valid for so long, as in 30m, 1h or 7d (at once)",
		OPTION_TO_OWN(struct key_request, after, key_parse_after) },
	{ 0 },
};

static int key_retire_run(const struct command *command, char **argv)
{
	char when[UTC_BYTES];
	struct key_request request;
	struct wire_key key;
	struct error err;
	int exit, rc;

	if (!key_begin(command, argv, &request, &exit))
		return exit;
	rc = keys_retire(request.keys, (uint16_t)request.id, (int64_t)time(NULL) + request.after,
		&key, &err);
	sodium_memzero(key.secret, sizeof(key.secret));
	if (rc != 0)
		return tool_refuse("%s", err.text);
	if (tool.json)
		return key_print_json(&key, request.keys);
	utc_text(key.retires, when);
	printf("key %u (%s) in %s retires at %s\n", key.id, key.name, request.keys, when);
	key_print_reload();
	return TOOL_DONE;
}

const struct command key_retire_command = {
	.words = "key retire",
	.summary = "let a key of authenticated datagrams be valid no more",
	.entries = RETIRE,
	.run = key_retire_run,
};
