// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/keys_change.h"

#include "base/trust/trusted_file.h"
#include "base/trust/utc.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES (KEY_MODELS_BYTES + 256)

static const char HEAD[] =
	"# Martlet's keys of authenticated datagrams: martletctl key\n"
	"# ID SECRET NAME MODELS NOT-BEFORE RETIRES\n";

struct file { // under change
	void *text;
	size_t size;
	struct wire_keys *keys;
	int lock;
};

static void file_end(struct file *file)
{
	trusted_file_free(file->text);
	keys_free(file->keys);
	close(file->lock);
}

// Locks, reads and parses it; with `may_make` none is like an empty one.
static int file_begin(struct file *file, const char *path, bool may_make, struct error *err)
{
	int rc;

	*file = (struct file){ .lock = trusted_file_lock(path, err) };
	if (file->lock < 0)
		return file->lock;
	if (may_make && access(path, F_OK) != 0 && errno == ENOENT)
		rc = keys_parse(path, "", 0, &file->keys, err);
	else
		rc = trusted_file_read(path, TRUSTED_SECRET, &file->text, &file->size, err);
	if (rc == 0 && file->text)
		rc = keys_parse(path, file->text, file->size, &file->keys, err);
	if (rc != 0)
		file_end(file);
	return rc;
}

// The key's line, with its end.
static size_t key_line(const struct wire_key *key, char line[LINE_BYTES])
{
	char secret[2 * KEY_SECRET_BYTES + 1], models[KEY_MODELS_BYTES];
	char not_before[UTC_BYTES], retires[UTC_BYTES];
	size_t bytes;

	sodium_bin2hex(secret, sizeof(secret), key->secret, sizeof(key->secret));
	wire_key_models_text(key, models);
	utc_text(key->not_before, not_before);
	utc_text(key->retires, retires);
	bytes = (size_t)snprintf(line, LINE_BYTES, "%u %s %s %s %s %s\n", key->id, secret,
		key->name, models, not_before, retires);
	sodium_memzero(secret, sizeof(secret));
	return bytes;
}

// Writes the file with `key` in the place of its line, or behind all others where `key->line` is 0.
static int file_write(
	const struct file *file, const char *path, const struct wire_key *key, struct error *err)
{
	const char *text = file->text ? file->text : HEAD;
	const size_t size = file->text ? file->size : strlen(HEAD);
	const char *from = text + size, *to = text + size; // what the new line replaces
	char line[LINE_BYTES], *out;
	const size_t bytes = key_line(key, line);
	size_t used;
	int rc;

	if (key->line) {
		from = text;
		for (int i = 1; i < key->line; i++)
			from = strchr(from, '\n') + 1;
		to = strchr(from, '\n') ? strchr(from, '\n') + 1 : text + size;
	}
	out = sodium_malloc(size + 1 + bytes);
	if (!out) {
		sodium_memzero(line, sizeof(line));
		return error_set(err, -ENOMEM, "%s: no memory to write it", path);
	}
	used = (size_t)(from - text);
	memcpy(out, text, used);
	if (used && out[used - 1] != '\n') // the last line had no end
		out[used++] = '\n';
	memcpy(out + used, line, bytes);
	memcpy(out + used + bytes, to, (size_t)(text + size - to));
	used += bytes + (size_t)(text + size - to);
	rc = trusted_file_replace(path, TRUSTED_SECRET, out, used, err);
	sodium_free(out);
	sodium_memzero(line, sizeof(line));
	return rc;
}

static uint32_t keys_free_id(const struct wire_keys *keys)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < keys->n; i++)
		highest = keys->keys[i].id > highest ? keys->keys[i].id : highest;
	if (highest < UINT16_MAX)
		return highest + 1;
	for (uint32_t id = 1;; id++) // of 65535 no more than KEYS_MAX are taken
		if (!keys_find(keys, id))
			return id;
}

int keys_add(const char *path, struct wire_key *key, struct error *err)
{
	const struct wire_key *other;
	struct file file;
	int rc = file_begin(&file, path, true, err);

	if (rc != 0)
		return rc;
	if (!key->id)
		key->id = (uint16_t)keys_free_id(file.keys);
	other = keys_find(file.keys, key->id);
	if (other)
		rc = error_set(err, -EEXIST,
			"%s: key %u is there already (%s); another id, or none, for the next free "
			"one",
			path, key->id, other->name);
	else if (file.keys->n == KEYS_MAX)
		rc = error_set(err, -ENOSPC,
			"%s: has %d keys, and no more are possible; take out lines of keys that "
			"have retired",
			path, KEYS_MAX);
	if (rc == 0) {
		key->line = 0;
		randombytes_buf(key->secret, sizeof(key->secret));
		rc = file_write(&file, path, key, err);
	}
	file_end(&file);
	return rc;
}

int keys_retire(
	const char *path, uint16_t id, int64_t when, struct wire_key *key, struct error *err)
{
	const struct wire_key *found;
	struct file file;
	int rc = file_begin(&file, path, false, err);

	if (rc != 0)
		return rc;
	found = keys_find(file.keys, id);
	if (!found) {
		rc = error_set(err, -ENOENT, "%s: has no key %u", path, id);
	} else {
		*key = *found;
		if (!key->retires || key->retires > when) {
			// One that was not valid yet never will be.
			if (key->not_before >= when)
				key->not_before = 0;
			key->retires = when;
			rc = file_write(&file, path, key, err);
		}
	}
	file_end(&file);
	return rc;
}

int keys_create(const char *path, const struct wire_key *key, struct error *err)
{
	char line[LINE_BYTES];
	const size_t bytes = key_line(key, line);
	const int rc = trusted_file_create(path, TRUSTED_SECRET, line, bytes, err);

	sodium_memzero(line, sizeof(line));
	return rc;
}
