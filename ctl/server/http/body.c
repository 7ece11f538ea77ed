// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/body.h"

#include "ctl/server/http/http.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static void body_refuse_key(const char *key, const char *const *names, struct error *err)
{
	char list[128];
	size_t used = 0;

	for (size_t i = 0; names[i]; i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s\"%s\"", i ? ", " : "", names[i]);
	if (used > 0)
		error_set(err, -EINVAL, "unknown key \"%.64s\"; known here: %s", key, list);
	else
		error_set(err, -EINVAL, "unknown key \"%.64s\"; the body must be empty", key);
}

// Parses the body as a JSON object that has none but the keys in `names`, which end in NULL. NULL
// and a sentence where it is anything else.
static json_t *body_parse_object(
	const char *text, size_t size, const char *const *names, struct error *err)
{
	json_error_t where = { .line = 0 };
	json_t *root, *value;
	const char *key;

	if (size > BODY_JSON_BYTES_MAX) {
		error_set(err, -EFBIG, "the body has %zu bytes; JSON here has at most %d", size,
			BODY_JSON_BYTES_MAX);
		return NULL;
	}
	root = size ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &where) : json_object();
	if (!root) {
		error_set(err, -EINVAL, "the body is not JSON: line %d, column %d: %s", where.line,
			where.column, where.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		error_set(err, -EINVAL, "the body must be a JSON object, as {\"live\": 3}");
		json_decref(root);
		return NULL;
	}
	json_object_foreach (root, key, value) {
		size_t i;

		for (i = 0; names[i] && strcmp(names[i], key) != 0; i++)
			;
		if (names[i])
			continue;
		body_refuse_key(key, names, err);
		json_decref(root);
		return NULL;
	}
	return root;
}

static int body_take_u16(const json_t *root, const char *key, uint16_t *out, struct error *err)
{
	const json_t *value = json_object_get(root, key);
	json_int_t number = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value) || number < 1 || number > UINT16_MAX)
		return error_set(
			err, -EINVAL, "\"%s\" must be a whole number from 1 to 65535", key);
	*out = (uint16_t)number;
	return 0;
}

static int body_take_bool(const json_t *root, const char *key, bool *out, struct error *err)
{
	const json_t *value = json_object_get(root, key);

	if (value && !json_is_boolean(value))
		return error_set(err, -EINVAL, "\"%s\" must be true or false", key);
	*out = json_is_true(value);
	return 0;
}

static int body_check_keys(const json_t *object, const char *const *names, struct error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i;

		for (i = 0; names[i] && strcmp(names[i], key) != 0; i++)
			;
		if (!names[i]) {
			body_refuse_key(key, names, err);
			return err->code;
		}
	}
	return 0;
}

// The key of a canary: a feature's name or its index, or "request_id".
static int body_take_key(const json_t *value, struct body_deployment *body, struct error *err)
{
	const char *name = json_string_value(value);

	if (!value)
		return 0;
	body->has_key = true;
	if (json_is_null(value) || (name && strcmp(name, "request_id") == 0))
		return 0;
	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
		json_integer_value(value) <= UINT16_MAX) {
		snprintf(body->key, sizeof(body->key), "%" JSON_INTEGER_FORMAT,
			json_integer_value(value));
		return 0;
	}
	if (!name || !name[0] || strlen(name) >= sizeof(body->key))
		return error_set(err, -EINVAL,
			"\"key\" must be \"request_id\", or a feature's name or index from 0");
	snprintf(body->key, sizeof(body->key), "%s", name);
	return 0;
}

// The bounds of a canary: those that are given count instead of the configured ones.
static int body_take_bounds(const json_t *value, struct body_deployment *body, struct error *err)
{
	const char *names[BOUND_COUNT + 1] = { 0 };
	const json_t *member;
	int rc;

	if (!value)
		return 0;
	body->has_bounds = true;
	if (json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return error_set(err, -EINVAL,
			"\"bounds\" must be null or as {\"differ\": 0.02, \"latency\": 1.5}");
	for (int b = 0; b < BOUND_COUNT; b++)
		names[b] = BOUND_KINDS[b].name;
	rc = body_check_keys(value, names, err);
	for (int b = 0; b < BOUND_COUNT && rc == 0; b++) {
		member = json_object_get(value, names[b]);
		if (!member)
			continue;
		if (!json_is_number(member) ||
			!bounds_give(&body->bounds, (enum bound_key)b, json_number_value(member)))
			rc = error_set(
				err, -EINVAL, "\"%s\" must be %s", names[b], BOUND_KINDS[b].range);
	}
	return rc;
}

static int body_take_canary(const json_t *root, struct body_deployment *body, struct error *err)
{
	static const char *const NAMES[] = { "version", "permille", "key", "bounds", NULL };
	const json_t *canary = json_object_get(root, "canary"), *permille;
	int rc;

	if (!canary)
		return 0;
	if (json_is_null(canary)) {
		body->has_canary = true;
		return 0;
	}
	if (!json_is_object(canary))
		return error_set(err, -EINVAL,
			"\"canary\" must be null or as {\"version\": 4, \"permille\": 50}");
	rc = body_check_keys(canary, NAMES, err);
	if (rc == 0)
		rc = body_take_u16(canary, "version", &body->canary, err);
	if (rc == 0)
		rc = body_take_key(json_object_get(canary, "key"), body, err);
	if (rc == 0)
		rc = body_take_bounds(json_object_get(canary, "bounds"), body, err);
	if (rc != 0)
		return rc;
	body->has_canary = body->canary != 0;
	permille = json_object_get(canary, "permille");
	body->has_permille = permille != NULL;
	if (!body->has_canary && !body->has_permille && !body->has_key && !body->has_bounds)
		return error_set(err, -EINVAL, "\"canary\" needs \"version\" and \"permille\"");
	if (!permille)
		return 0;
	if (!json_is_integer(permille) || json_integer_value(permille) < 0 ||
		json_integer_value(permille) > 1000)
		return error_set(
			err, -EINVAL, "\"permille\" must be a whole number from 0 to 1000");
	body->permille = (uint16_t)json_integer_value(permille);
	return 0;
}

static int body_take_pinned(const json_t *root, struct body_deployment *body, struct error *err)
{
	const json_t *pinned = json_object_get(root, "pinned");

	if (!pinned)
		return 0;
	body->has_pinned = true;
	if (json_is_null(pinned))
		return 0;
	if (!json_is_array(pinned) || json_array_size(pinned) > BODY_PINNED_MAX)
		return error_set(err, -EINVAL,
			"\"pinned\" must be null or a list of at most %d versions",
			BODY_PINNED_MAX);
	for (; body->n_pinned < json_array_size(pinned); body->n_pinned++) {
		const json_t *value = json_array_get(pinned, body->n_pinned);
		const json_int_t version = json_integer_value(value);

		if (!json_is_integer(value) || version < 1 || version > UINT16_MAX)
			return error_set(
				err, -EINVAL, "\"pinned\" must hold whole numbers from 1 to 65535");
		for (uint32_t i = 0; i < body->n_pinned; i++)
			if (body->pinned[i] == version)
				return error_set(err, -EINVAL, "\"pinned\" holds version %u twice",
					body->pinned[i]);
		body->pinned[body->n_pinned] = (uint16_t)version;
	}
	return 0;
}

int body_deployment_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_deployment *body = out;
	static const char *const NAMES[] = { "id", "live", "canary", "shadow", "pinned", "force",
		NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	const json_t *shadow;
	int rc;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	shadow = json_object_get(root, "shadow");
	body->has_shadow = shadow != NULL;
	rc = body_take_u16(root, "id", &body->id, err);
	if (rc == 0)
		rc = body_take_u16(root, "live", &body->live, err);
	if (rc == 0)
		rc = body_take_bool(root, "force", &body->force, err);
	if (rc == 0 && shadow && !json_is_null(shadow))
		rc = body_take_u16(root, "shadow", &body->shadow, err);
	if (rc == 0)
		rc = body_take_canary(root, body, err);
	if (rc == 0)
		rc = body_take_pinned(root, body, err);
	if (rc == 0 && !body->live && !json_object_get(root, "canary") && !body->has_shadow &&
		!body->has_pinned)
		rc = error_set(err, -EINVAL,
			"\"live\" is missing: the version to put into service, as {\"id\": 7, "
			"\"live\": 3}");
	json_decref(root);
	return rc;
}

int body_rollback_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_rollback *body = out;
	static const char *const NAMES[] = { "to", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	int rc;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	rc = body_take_u16(root, "to", &body->to, err);
	json_decref(root);
	return rc;
}

int body_retention_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_retention *body = out;
	static const char *const NAMES[] = { "retention", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	const json_t *value;
	const char *policy;
	int rc = 0;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	value = json_object_get(root, "retention");
	policy = json_string_value(value);
	if (policy && policy[0] && strlen(policy) < sizeof(body->text))
		memcpy(body->text, policy, strlen(policy));
	else if (!json_is_null(value))
		rc = error_set(err, -EINVAL,
			"\"retention\" must be \"all\" or as \"latest 5\", or null for what "
			"store.retention says, as {\"retention\": \"latest 5\"}");
	json_decref(root);
	return rc;
}

int body_index_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_index *body = out;
	static const char *const NAMES[] = { "ready", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	bool ready;
	int rc;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	rc = body_take_bool(root, "ready", &ready, err);
	if (rc == 0)
		body->ready = ready;
	json_decref(root);
	return rc;
}

int body_drain_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_drain *body = out;
	static const char *const NAMES[] = { "now", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	int rc;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	rc = body_take_bool(root, "now", &body->now, err);
	json_decref(root);
	return rc;
}

int body_log_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_log *body = out;
	static const char *const NAMES[] = { "level", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	const char *level;
	int rc = 0;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	level = json_string_value(json_object_get(root, "level"));
	if (level && strlen(level) < sizeof(body->level))
		memcpy(body->level, level, strlen(level));
	else
		rc = error_set(err, -EINVAL,
			"\"level\" must be a level's name, as {\"level\": \"debug\"}");
	json_decref(root);
	return rc;
}

int body_announce_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_announce *body = out;
	static const char *const NAMES[] = { "port", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);
	const json_t *value;
	const char *port;
	int rc = 0;

	memset(body, 0, sizeof(*body));
	if (!root)
		return err->code;
	value = json_object_get(root, "port");
	port = json_string_value(value);
	if (port && *port && strlen(port) < sizeof(body->port))
		memcpy(body->port, port, strlen(port));
	else if (value)
		rc = error_set(
			err, -EINVAL, "\"port\" must be a port's name, as {\"port\": \"edge\"}");
	json_decref(root);
	return rc;
}

int body_empty_parse(const char *text, size_t size, void *out, struct error *err)
{
	static const char *const NAMES[] = { NULL };
	json_t *root = body_parse_object(text, size, NAMES, err);

	if (!root)
		return err->code;
	json_decref(root);
	return 0;
}

bool body_read(struct http_request *request, body_parser *parse, void *body)
{
	struct error err;
	size_t size;
	char *text = http_take_body(request, &size);
	int rc;

	if (!text)
		return false;
	rc = parse(text, size, body, &err);
	free(text);
	if (rc != 0)
		http_fail(request, 400, "%s", err.text);
	return rc == 0;
}

bool body_is_small(struct http_request *request)
{
	const size_t bytes = http_body_bytes(request);

	if (bytes <= BODY_JSON_BYTES_MAX)
		return true;
	http_fail(request, 413, "the body has %zu bytes; JSON here has at most %d", bytes,
		BODY_JSON_BYTES_MAX);
	return false;
}

bool body_is_empty(struct http_request *request)
{
	return body_read(request, body_empty_parse, NULL);
}

static int body_take_logging(
	const char *key, const json_t *value, struct body_logging *body, struct error *err)
{
	const char *text = json_string_value(value);
	const bool is_default = json_is_null(value) ||
		(text && (strcmp(text, "") == 0 || strcmp(text, "default") == 0));
	int *flag = strcmp(key, "log_info") == 0  ? &body->info
		: strcmp(key, "log_warning") == 0 ? &body->warning
		: strcmp(key, "log_error") == 0   ? &body->error
						  : NULL;

	if (flag && !json_is_boolean(value))
		return error_set(err, -EINVAL, "\"%s\" must be true or false", key);
	if (flag) {
		*flag = json_is_true(value);
		return 0;
	}
	if (strcmp(key, "log_verbose_level") != 0)
		return is_default
			? 0
			: error_set(err, -EINVAL,
				  "\"%s\" cannot be set: the log goes to the journal or to "
				  "standard error, in one form",
				  key);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return error_set(err, -EINVAL, "\"%s\" must be a whole number from 0", key);
	body->verbose_level = json_integer_value(value) > 0;
	return 0;
}

int body_logging_parse(const char *text, size_t size, void *out, struct error *err)
{
	struct body_logging *body = out;
	static const char *const NAMES[] = { "log_file", "log_info", "log_warning", "log_error",
		"log_verbose_level", "log_format", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err), *value;
	const char *key;
	int rc = 0;

	*body = (struct body_logging){ -1, -1, -1, -1 };
	if (!root)
		return err->code;
	json_object_foreach (root, key, value)
		rc = rc == 0 ? body_take_logging(key, value, body, err) : rc;
	json_decref(root);
	return rc;
}

int body_repository_parse(const char *text, size_t size, void *out, struct error *err)
{
	static const char *const NAMES[] = { "parameters", NULL };
	json_t *root = body_parse_object(text, size, NAMES, err), *value;
	const char *key;
	int rc = 0;

	if (!root)
		return err->code;
	value = json_object_get(root, "parameters");
	if (value && !json_is_object(value))
		rc = error_set(err, -EINVAL, "\"parameters\" must be an object");
	json_object_foreach (json_object_get(root, "parameters"), key, value) {
		if (rc != 0 || strcmp(key, "unload_dependents") == 0)
			continue;
		rc = error_set(err, -EINVAL,
			"the parameter \"%.40s\" is not taken: a model comes as an image, by PUT "
			"/v1/models/{model}/versions/{version}",
			key);
	}
	json_decref(root);
	return rc;
}
