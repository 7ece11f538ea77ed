// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/image_keys.h"

#include "base/trust/trusted_file.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LINE_START   "martlet-image-key: "
#define ID_DIGITS    ((size_t)2 * IMAGE_KEY_ID_BYTES)
#define KEY_DIGITS   ((size_t)2 * IMAGE_KEY_BYTES)
#define LINE_DIGITS  (sizeof(LINE_START) - 1)
#define LINE_BYTES   (LINE_DIGITS + ID_DIGITS + 1 + KEY_DIGITS)
#define LINE_PATTERN LINE_START "ID KEY, of 16 and 64 hexadecimal digits"

struct image_keys {
	uint32_t n;
	struct image_key keys[IMAGE_KEYS_MAX];
};

struct image_keys *image_keys_create(void)
{
	struct image_keys *keys = sodium_malloc(sizeof(*keys));

	if (!keys)
		return NULL;
	memset(keys, 0, sizeof(*keys));
	sodium_mprotect_readonly(keys);
	return keys;
}

void image_keys_destroy(struct image_keys *keys)
{
	sodium_free(keys);
}

uint32_t image_keys_count(const struct image_keys *keys)
{
	return keys->n;
}

const struct image_key *image_keys_first(const struct image_keys *keys)
{
	return keys->n ? &keys->keys[0] : NULL;
}

const struct image_key *image_keys_find(
	const struct image_keys *keys, const uint8_t id[IMAGE_KEY_ID_BYTES])
{
	for (uint32_t i = 0; keys && i < keys->n; i++)
		if (memcmp(keys->keys[i].id, id, IMAGE_KEY_ID_BYTES) == 0) // no secret
			return &keys->keys[i];
	return NULL;
}

void image_key_id_text(const uint8_t id[IMAGE_KEY_ID_BYTES], char text[IMAGE_KEY_ID_TEXT])
{
	sodium_bin2hex(text, IMAGE_KEY_ID_TEXT, id, IMAGE_KEY_ID_BYTES);
}

static void image_key_set_id(struct image_key *key)
{
	static const char WHAT[] = "martlet image key 1";
	uint8_t hash[crypto_generichash_BYTES_MIN];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)WHAT, sizeof(WHAT) - 1,
		key->bytes, sizeof(key->bytes));
	memcpy(key->id, hash, IMAGE_KEY_ID_BYTES);
}

// Exactly `bytes` of them, in small or capital letters.
static bool image_key_digits(const char *digits, size_t bytes, uint8_t *out)
{
	size_t got;
	const char *end;

	return sodium_hex2bin(out, bytes, digits, 2 * bytes, NULL, &got, &end) == 0 &&
		got == bytes && end == digits + 2 * bytes;
}

// A line without its newline. 1: it has none.
static int image_key_parse(const char *line, size_t bytes, struct image_key *key, struct error *err)
{
	uint8_t id[IMAGE_KEY_ID_BYTES];

	if (bytes > 0 && line[bytes - 1] == '\r')
		bytes--;
	if (bytes == 0 || line[0] == '#')
		return 1;
	if (bytes != LINE_BYTES || memcmp(line, LINE_START, LINE_DIGITS) != 0 ||
		line[LINE_DIGITS + ID_DIGITS] != ' ' ||
		!image_key_digits(line + LINE_DIGITS, sizeof(id), id) ||
		!image_key_digits(line + LINE_DIGITS + ID_DIGITS + 1, IMAGE_KEY_BYTES, key->bytes))
		return error_set(err, -EINVAL, "is not \"" LINE_PATTERN "\"");
	image_key_set_id(key);
	if (memcmp(key->id, id, sizeof(id)) != 0)
		return error_set(err, -EINVAL,
			"its id is not the key's: a digit of one of them is wrong; take the file "
			"from where it was made");
	return 0;
}

static int image_keys_add(struct image_keys *keys, const struct image_key *key, struct error *err)
{
	if (image_keys_find(keys, key->id))
		return 0;
	if (keys->n == IMAGE_KEYS_MAX)
		return error_set(
			err, -E2BIG, "is one key too many: %d are possible", IMAGE_KEYS_MAX);
	keys->keys[keys->n++] = *key;
	return 0;
}

static int image_keys_parse(
	struct image_keys *keys, const char *text, size_t size, struct error *err)
{
	struct image_key key;
	uint32_t line = 0;
	bool any = false;
	int rc = 0;

	while (size && rc == 0) {
		const char *newline = memchr(text, '\n', size);
		const size_t bytes = newline ? (size_t)(newline - text) : size;

		line++;
		rc = image_key_parse(text, bytes, &key, err);
		any = any || rc == 0;
		rc = rc == 0 ? image_keys_add(keys, &key, err) : rc < 0 ? rc : 0;
		text += newline ? bytes + 1 : bytes;
		size -= newline ? bytes + 1 : bytes;
	}
	sodium_memzero(&key, sizeof(key));
	if (rc != 0)
		return error_prefix(err, "line %u", line);
	if (!any)
		return error_set(err, -EINVAL, "has no line \"" LINE_PATTERN "\"");
	return 0;
}

static int image_keys_path(const char *name, char path[PATH_MAX], struct error *err)
{
	const size_t prefix = sizeof(IMAGE_KEY_CREDENTIAL) - 1;
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *credential = name + prefix;
	int n;

	if (strncmp(name, IMAGE_KEY_CREDENTIAL, prefix) != 0) {
		n = snprintf(path, PATH_MAX, "%s", name);
	} else if (!credential[0] || strchr(credential, '/') || credential[0] == '.') {
		return error_set(err, -EINVAL, "%s: is no name of a credential", name);
	} else if (!folder || folder[0] != '/') {
		return error_set(err, -ENOENT,
			"%s: this process has no credentials: systemd hands them over where the "
			"unit "
			"has LoadCredential= or LoadCredentialEncrypted=",
			name);
	} else {
		n = snprintf(path, PATH_MAX, "%s/%s", folder, credential);
	}
	return n < PATH_MAX ? 0 : error_set(err, -ENAMETOOLONG, "%.60s...: is too long", name);
}

int image_keys_read(struct image_keys *keys, const char *name, struct error *err)
{
	const uint32_t before = keys->n;
	char path[PATH_MAX];
	void *text;
	size_t size;
	int rc = image_keys_path(name, path, err);

	if (rc == 0)
		rc = trusted_file_read(path, TRUSTED_SECRET, &text, &size, err);
	if (rc != 0)
		return rc;
	sodium_mprotect_readwrite(keys);
	rc = image_keys_parse(keys, text, size, err);
	if (rc != 0) {
		error_prefix(err, "%s", path);
		sodium_memzero(&keys->keys[before], (keys->n - before) * sizeof(keys->keys[0]));
		keys->n = before;
	}
	sodium_mprotect_readonly(keys);
	trusted_file_free(text);
	return rc;
}

int image_key_generate(const char *path, char text[IMAGE_KEY_ID_TEXT], struct error *err)
{
	char line[LINE_BYTES + 2], digits[KEY_DIGITS + 1];
	struct image_key key;
	int rc;

	randombytes_buf(key.bytes, sizeof(key.bytes));
	image_key_set_id(&key);
	image_key_id_text(key.id, text);
	sodium_bin2hex(digits, sizeof(digits), key.bytes, sizeof(key.bytes));
	snprintf(line, sizeof(line), LINE_START "%s %s\n", text, digits);
	rc = trusted_file_create(path, TRUSTED_SECRET, line, strlen(line), err);
	sodium_memzero(&key, sizeof(key));
	sodium_memzero(digits, sizeof(digits));
	sodium_memzero(line, sizeof(line));
	return rc;
}
