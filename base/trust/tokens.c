// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/tokens.h"

#include "base/trust/trusted_file.h"
#include "base/trust/utc.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREFIX       "mlt_"
#define PREFIX_BYTES 4
#define BYTES        32
#define VARIANT      sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define FIELDS       5
#define LINE_BYTES   256 // of one, with the NUL: more than the longest has

// --- One -----------------------------------------------------------------------------------------

static void token_hash(const uint8_t bytes[BYTES], uint8_t hash[TOKEN_HASH_BYTES])
{
	crypto_generichash(hash, TOKEN_HASH_BYTES, bytes, BYTES, NULL, 0);
}

void token_make(char text[TOKEN_TEXT_BYTES], uint8_t hash[TOKEN_HASH_BYTES])
{
	uint8_t bytes[BYTES];

	randombytes_buf(bytes, sizeof(bytes));
	memcpy(text, PREFIX, sizeof(PREFIX));
	sodium_bin2base64(text + PREFIX_BYTES, TOKEN_TEXT_BYTES - PREFIX_BYTES, bytes,
		sizeof(bytes), VARIANT);
	token_hash(bytes, hash);
	sodium_memzero(bytes, sizeof(bytes));
}

const struct token *tokens_find(const struct tokens *tokens, const char *text)
{
	char copy[TOKEN_TEXT_BYTES] = { 0 }, again[TOKEN_TEXT_BYTES] = PREFIX;
	uint8_t bytes[BYTES] = { 0 }, hash[TOKEN_HASH_BYTES];
	const struct token *found = NULL;
	bool fits = strnlen(text, TOKEN_TEXT_BYTES) == TOKEN_TEXT_BYTES - 1;
	size_t n = 0;

	// What has not the form is hashed and looked for all the same.
	strncpy(copy, text, sizeof(copy) - 1);
	fits &= sodium_base642bin(bytes, sizeof(bytes), copy + PREFIX_BYTES,
			strlen(copy) > PREFIX_BYTES ? strlen(copy) - PREFIX_BYTES : 0, NULL, &n,
			NULL, VARIANT) == 0;
	// The decoder of libsodium 1.0.18 takes some bytes above 127 for letters.
	sodium_bin2base64(
		again + PREFIX_BYTES, sizeof(again) - PREFIX_BYTES, bytes, sizeof(bytes), VARIANT);
	fits &= sodium_memcmp(copy, again, sizeof(copy)) == 0;
	token_hash(bytes, hash);
	for (size_t i = 0; i < tokens->n; i++)
		found = sodium_memcmp(tokens->each[i].hash, hash, sizeof(hash)) == 0
			? &tokens->each[i]
			: found;
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(copy, sizeof(copy));
	sodium_memzero(again, sizeof(again));
	return fits ? found : NULL;
}

enum token_state token_state(const struct token *token, int64_t now)
{
	if (token->expires && now >= token->expires)
		return TOKEN_EXPIRED;
	return now < token->not_before ? TOKEN_EARLY : TOKEN_VALID;
}

const char *token_state_name(enum token_state state)
{
	static const char *const NAMES[] = { "valid", "not yet valid", "expired" };

	return NAMES[state];
}

// --- Times ---------------------------------------------------------------------------------------

int token_time_parse_wish(const char *text, int64_t now, int64_t *at, struct error *err)
{
	char whole[UTC_BYTES];
	int64_t span;

	if (utc_span_parse(text, &span) && span > 0) {
		*at = now + span;
		return *at <= UTC_SECONDS_MAX
			? 0
			: error_set(err, -EINVAL, "'%.40s' from now on is beyond the year 9999",
				  text);
	}
	snprintf(whole, sizeof(whole), strlen(text) == 10 ? "%.10sT00:00:00Z" : "%s", text);
	if (strlen(text) < sizeof(whole) && utc_parse(whole, at) && *at > 0)
		return 0;
	return error_set(err, -EINVAL,
		"'%.40s' is no time: write 90d, 12h or 30m from now on, 2027-01-31, or "
		"2027-01-31T12:00:00Z",
		text);
}

// --- The file ------------------------------------------------------------------------------------

static bool line_take_hash(const char *text, uint8_t hash[TOKEN_HASH_BYTES])
{
	size_t n;

	return strlen(text) == 2 * TOKEN_HASH_BYTES &&
		strspn(text, "0123456789abcdef") == 2 * TOKEN_HASH_BYTES &&
		sodium_hex2bin(
			hash, TOKEN_HASH_BYTES, text, 2 * TOKEN_HASH_BYTES, NULL, &n, NULL) == 0;
}

static int line_parse(char *line, struct token *token, struct error *err)
{
	char *field[FIELDS];

	for (int i = 0; i < FIELDS; i++) {
		field[i] = line;
		line += strcspn(line, " ");
		if ((*line != '\0') != (i < FIELDS - 1))
			return error_set(err, -EINVAL,
				"a token has five fields: name, role, hash, not before, expires");
		*line++ = '\0';
	}
	*token = (struct token){ 0 };
	if (!name_is_valid(field[0]))
		return error_set(err, -EINVAL, "'%.64s' is no name", field[0]);
	snprintf(token->name, sizeof(token->name), "%s", field[0]);
	if (!role_parse(field[1], &token->role))
		return error_set(err, -EINVAL,
			"'%.20s' is no role: client, viewer, operator, admin", field[1]);
	if (!line_take_hash(field[2], token->hash))
		return error_set(err, -EINVAL, "the hash has 64 digits, 0 to 9 and a to f");
	if (!utc_parse(field[3], &token->not_before) || !utc_parse(field[4], &token->expires))
		return error_set(err, -EINVAL,
			"a time is written as 2026-11-29T12:00:00Z, or - where there is none");
	return 0;
}

static int tokens_check_new(
	const struct tokens *tokens, const struct token *token, struct error *err)
{
	for (size_t i = 0; i < tokens->n; i++) {
		if (strcmp(tokens->each[i].name, token->name) == 0)
			return error_set(err, -EEXIST,
				"there is a token '%s' already; revoke it first, or choose another "
				"name",
				token->name);
		if (sodium_memcmp(tokens->each[i].hash, token->hash, TOKEN_HASH_BYTES) == 0)
			return error_set(err, -EEXIST, "'%s' has the hash of '%s'", token->name,
				tokens->each[i].name);
	}
	return tokens->n < TOKENS_MAX
		? 0
		: error_set(
			  err, -ENOSPC, "there are %d tokens, as many as are possible", TOKENS_MAX);
}

int tokens_add(struct tokens *tokens, const struct token *token, struct error *err)
{
	const int rc = tokens_check_new(tokens, token, err);
	struct token *each;

	if (rc != 0)
		return rc;
	each = realloc(tokens->each, (tokens->n + 1) * sizeof(*each));
	if (!each)
		return error_set(err, -ENOMEM, "no memory for tokens");
	tokens->each = each;
	each[tokens->n++] = *token;
	return 0;
}

int tokens_remove(struct tokens *tokens, const char *name, struct error *err)
{
	for (size_t i = 0; i < tokens->n; i++)
		if (strcmp(tokens->each[i].name, name) == 0) {
			tokens->n--;
			memmove(&tokens->each[i], &tokens->each[i + 1],
				(tokens->n - i) * sizeof(tokens->each[0]));
			return 0;
		}
	return error_set(err, -ENOENT, "there is no token '%.64s'", name);
}

static int tokens_take_line(
	struct tokens *tokens, const char *from, size_t bytes, size_t number, struct error *err)
{
	char line[LINE_BYTES];
	struct token token;
	int rc = 0;

	if (bytes >= sizeof(line) || memchr(from, '\0', bytes))
		return error_set(err, -EINVAL, "line %zu: is none of a token", number);
	memcpy(line, from, bytes);
	line[bytes] = '\0';
	if (number == 1)
		rc = strcmp(line, TOKENS_HEAD) == 0
			? 0
			: error_set(err, -EINVAL, "is no file of tokens: its first line is '%s'",
				  TOKENS_HEAD);
	else if ((rc = line_parse(line, &token, err)) == 0)
		rc = tokens_add(tokens, &token, err);
	if (rc != 0 && number > 1 && rc != -ENOMEM) {
		error_prefix(err, "line %zu", number);
		return err->code = -EINVAL;
	}
	return rc;
}

int tokens_parse(const char *text, size_t size, struct tokens *tokens, struct error *err)
{
	size_t at = 0, number = 0;
	int rc = 0;

	*tokens = (struct tokens){ 0 };
	while (rc == 0 && (at < size || number == 0)) {
		const char *end = size > at ? memchr(text + at, '\n', size - at) : NULL;

		number++;
		if (!end)
			rc = error_set(err, -EINVAL,
				number == 1 ? "is no file of tokens: its first line is '%s'"
					    : "its last line has no end%s",
				number == 1 ? TOKENS_HEAD : "");
		else
			rc = tokens_take_line(
				tokens, text + at, (size_t)(end - text) - at, number, err);
		at = end ? (size_t)(end - text) + 1 : size;
	}
	if (rc != 0)
		tokens_fini(tokens);
	return rc;
}

char *tokens_format(const struct tokens *tokens, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	if (!to)
		return NULL;
	fprintf(to, "%s\n", TOKENS_HEAD);
	for (size_t i = 0; i < tokens->n; i++) {
		const struct token *token = &tokens->each[i];
		char hash[2 * TOKEN_HASH_BYTES + 1], from[UTC_BYTES], until[UTC_BYTES];

		sodium_bin2hex(hash, sizeof(hash), token->hash, sizeof(token->hash));
		utc_text(token->not_before, from);
		utc_text(token->expires, until);
		fprintf(to, "%s %s %s %s %s\n", token->name, role_name(token->role), hash, from,
			until);
	}
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

void tokens_fini(struct tokens *tokens)
{
	free(tokens->each);
	*tokens = (struct tokens){ 0 };
}

int tokens_read(const char *path, struct tokens *tokens, struct error *err)
{
	void *text;
	size_t size;
	int rc;

	*tokens = (struct tokens){ 0 };
	rc = trusted_file_read(path, TRUSTED_PUBLIC, &text, &size, err);
	if (rc != 0)
		return rc;
	rc = tokens_parse(text, size, tokens, err);
	trusted_file_free(text);
	return rc ? error_prefix(err, "%s", path) : 0;
}

int tokens_write(const char *path, const struct tokens *tokens, struct error *err)
{
	size_t size = 0;
	char *text = tokens_format(tokens, &size);
	int rc;

	if (!text)
		return error_set(err, -ENOMEM, "%s: no memory to write it", path);
	rc = trusted_file_replace(path, TRUSTED_PUBLIC, text, size, err);
	free(text);
	return rc;
}
