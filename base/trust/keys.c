// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/keys.h"

#include "base/trust/trusted_file.h"
#include "base/trust/utc.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BLANKS        " \t"
#define FIELDS        6
#define FIELDS_WANTED "ID SECRET NAME MODELS NOT-BEFORE RETIRES"
#define LINE_BYTES    2048 // the longest that a line can be without blanks in plenty is shorter

struct keys_line { // at hand
	const char *path;
	int number;
	char text[LINE_BYTES]; // its fields, parted by NULs
	char *fields[FIELDS];
};

// --- Fields --------------------------------------------------------------------------------------

int wire_key_models_parse(struct wire_key *key, const char *text, struct error *err)
{
	key->n_models = 0;
	if (strcmp(text, "*") == 0)
		return 0;
	for (;;) {
		const size_t bytes = strcspn(text, ",");
		char *name;

		if (key->n_models == KEY_MODELS_MAX)
			return error_set(err, -EINVAL,
				"more than %d models; * stands for all of them", KEY_MODELS_MAX);
		name = key->models[key->n_models];
		snprintf(name, sizeof(key->models[0]), "%.*s",
			bytes > NAME_BYTES_MAX ? 0 : (int)bytes, text);
		if (!name_is_valid(name))
			return error_set(err, -EINVAL,
				"'%.*s' is no model's name; models are a list as in fraud,lab, or "
				"* for all",
				(int)(bytes > 64 ? 64 : bytes), text);
		key->n_models++;
		if (!text[bytes])
			return 0;
		text += bytes + 1;
	}
}

void wire_key_models_text(const struct wire_key *key, char text[KEY_MODELS_BYTES])
{
	size_t used = 0;

	snprintf(text, KEY_MODELS_BYTES, "*");
	for (uint32_t i = 0; i < key->n_models; i++)
		used += (size_t)snprintf(
			text + used, KEY_MODELS_BYTES - used, "%s%s", i ? "," : "", key->models[i]);
}

static bool keys_read_id(const char *text, uint16_t *id)
{
	unsigned long number = 0;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 || text[0] == '0')
		return false;
	for (; *text; text++)
		number = number * 10 + (unsigned long)(*text - '0');
	*id = (uint16_t)number;
	return number >= 1 && number <= UINT16_MAX;
}

static bool keys_read_secret(const char *text, uint8_t secret[KEY_SECRET_BYTES])
{
	size_t bytes;

	return strlen(text) == (size_t)2 * KEY_SECRET_BYTES &&
		sodium_hex2bin(secret, KEY_SECRET_BYTES, text, strlen(text), NULL, &bytes, NULL) ==
		0 &&
		bytes == KEY_SECRET_BYTES;
}

// --- Lines ---------------------------------------------------------------------------------------

#define REFUSE(line, format, ...)                                                                  \
	error_set(err, -EINVAL, "%s:%d: " format, (line)->path, (line)->number, __VA_ARGS__)

// Parts the line's fields. -ENOENT where it has none.
static int keys_part(struct keys_line *line, const char *text, size_t bytes, struct error *err)
{
	char *at = line->text;
	int n = 0;

	if (memchr(text, '\0', bytes))
		return REFUSE(line, "%s", "holds a zero byte; it must be text");
	if (bytes >= LINE_BYTES)
		return REFUSE(line, "has %zu bytes, %d are possible", bytes, LINE_BYTES - 1);
	memcpy(line->text, text, bytes);
	line->text[bytes] = '\0';
	for (at += strspn(at, BLANKS); *at && *at != '#'; at += strspn(at, BLANKS)) {
		if (n < FIELDS)
			line->fields[n] = at;
		n++;
		at += strcspn(at, BLANKS);
		if (*at)
			*at++ = '\0';
	}
	if (n == 0)
		return -ENOENT;
	if (n == FIELDS && !*at)
		return 0;
	return REFUSE(line, "has %d fields%s; a key has six: " FIELDS_WANTED, n,
		*at ? " and a remark, which takes a line of its own" : "");
}

static int keys_read_line(const struct keys_line *line, struct wire_key *key, struct error *err)
{
	struct error why;

	key->line = line->number;
	if (!keys_read_id(line->fields[0], &key->id))
		return REFUSE(line, "'%.16s' is no id of a key: a number from 1 to 65535",
			line->fields[0]);
	// Of a secret that is wrong, nothing is repeated: it may be one digit too long.
	if (!keys_read_secret(line->fields[1], key->secret))
		return REFUSE(line, "key %u: its secret is not 32 hexadecimal digits", key->id);
	if (!name_is_valid(line->fields[2]))
		return REFUSE(line,
			"key %u: '%.64s' is no name: letters, digits, '_', '.' and '-', the first "
			"one a letter or digit",
			key->id, line->fields[2]);
	snprintf(key->name, sizeof(key->name), "%s", line->fields[2]);
	if (wire_key_models_parse(key, line->fields[3], &why) != 0)
		return REFUSE(line, "key %u: %s", key->id, why.text);
	for (int i = 4; i < FIELDS; i++)
		if (!utc_parse(line->fields[i], i == 4 ? &key->not_before : &key->retires))
			return REFUSE(line,
				"key %u: '%.32s' is no time, as 2026-11-29T16:00:00Z, nor - for "
				"none",
				key->id, line->fields[i]);
	if (key->retires && key->retires <= key->not_before)
		return REFUSE(line, "key %u: retires before it is valid", key->id);
	return 0;
}

static int keys_add_line(struct wire_keys *keys, const struct keys_line *line, struct error *err)
{
	struct wire_key *key = &keys->keys[keys->n];
	const struct wire_key *other;
	int rc = keys_read_line(line, key, err);

	if (rc != 0)
		return rc;
	other = keys_find(keys, key->id);
	if (other)
		return REFUSE(line, "key %u stands in line %d already", key->id, other->line);
	keys->n++;
	return 0;
}

static int keys_parse_lines(const char *path, const char *text, size_t size, uint32_t most,
	struct wire_keys *keys, struct error *err)
{
	struct keys_line line = { .path = path };
	int rc = 0;

	for (const char *end = text + size; text < end && rc == 0;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline ? newline : end;

		line.number++;
		rc = keys_part(&line, text, (size_t)(next - text), err);
		if (rc == 0 && keys->n == most)
			rc = REFUSE(&line, "more than %d keys", KEYS_MAX);
		if (rc == 0)
			rc = keys_add_line(keys, &line, err);
		if (rc == -ENOENT)
			rc = 0;
		text = next + 1;
	}
	sodium_memzero(line.text, sizeof(line.text));
	return rc;
}

int keys_parse(
	const char *path, const char *text, size_t size, struct wire_keys **out, struct error *err)
{
	uint32_t lines = 1;
	int rc;

	*out = NULL;
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (lines > KEYS_MAX)
		lines = KEYS_MAX;
	*out = sodium_malloc(sizeof(**out) + lines * sizeof((*out)->keys[0]));
	if (!*out)
		return error_set(err, -ENOMEM, "%s: no memory to read it", path);
	memset(*out, 0, sizeof(**out) + lines * sizeof((*out)->keys[0]));
	rc = keys_parse_lines(path, text, size, lines, *out, err);
	if (rc == 0)
		return 0;
	keys_free(*out);
	*out = NULL;
	return rc;
}

int keys_read(const char *path, struct wire_keys **out, struct error *err)
{
	void *text;
	size_t size;
	int rc = trusted_file_read(path, TRUSTED_SECRET, &text, &size, err);

	*out = NULL;
	if (rc != 0)
		return rc;
	rc = keys_parse(path, text, size, out, err);
	trusted_file_free(text);
	return rc;
}

void keys_free(struct wire_keys *keys)
{
	sodium_free(keys);
}

// --- Keys ----------------------------------------------------------------------------------------

const struct wire_key *keys_find(const struct wire_keys *keys, uint32_t id)
{
	for (uint32_t i = 0; i < keys->n; i++)
		if (keys->keys[i].id == id)
			return &keys->keys[i];
	return NULL;
}

const struct wire_key *keys_choose(
	const struct wire_keys *keys, const char *path, uint32_t id, struct error *err)
{
	const struct wire_key *key = id ? keys_find(keys, id) : NULL;

	if (key || (!id && keys->n == 1))
		return key ? key : &keys->keys[0];
	if (id)
		error_set(err, -ENOENT, "%s: has no key %u", path, id);
	else
		error_set(err, -EINVAL, "%s: has %u keys; say which by --key-id", path, keys->n);
	return NULL;
}

enum wire_key_state wire_key_state(const struct wire_key *key, int64_t now)
{
	if (now < key->not_before)
		return WIRE_KEY_NOT_YET;
	return key->retires && now >= key->retires ? WIRE_KEY_RETIRED : WIRE_KEY_VALID;
}

const char *wire_key_state_name(enum wire_key_state state)
{
	static const char *const NAMES[] = { [WIRE_KEY_VALID] = "valid",
		[WIRE_KEY_NOT_YET] = "not yet",
		[WIRE_KEY_RETIRED] = "retired" };

	return NAMES[state];
}
