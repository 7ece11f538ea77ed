// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/chain_sign.h"

#include "base/trust/trusted_file.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_WORD   "martlet-audit-secret "
#define PUBLIC_WORD   "martlet-audit-public "
#define MESSAGE_BYTES 256

static_assert(sizeof(((struct chain_key *)0)->secret) == crypto_sign_SECRETKEYBYTES,
	"a secret key of Ed25519 fits");
static_assert(crypto_sign_PUBLICKEYBYTES * 2 + 1 == CHAIN_HEX_BYTES &&
		crypto_sign_BYTES * 2 + 1 == CHAIN_SIGNATURE_BYTES,
	"keys and signatures in hexadecimal fit");

// --- Keys ----------------------------------------------------------------------------------------

// The digits of a file of one line, "<word><64 digits>", with or without its newline.
static const char *key_digits(const char *text, size_t size, const char *word)
{
	const size_t bytes = strlen(word) + CHAIN_HEX_BYTES - 1;

	if (size == bytes + 1 && text[bytes] == '\n')
		size--;
	if (size != bytes || memcmp(text, word, strlen(word)) != 0 ||
		!chain_is_hex(text + strlen(word), CHAIN_HEX_BYTES - 1, CHAIN_HEX_BYTES - 1))
		return NULL;
	return text + strlen(word);
}

static void key_of_seed(const unsigned char seed[crypto_sign_SEEDBYTES], struct chain_key *key)
{
	unsigned char public[crypto_sign_PUBLICKEYBYTES];

	crypto_sign_seed_keypair(public, key->secret, seed);
	sodium_bin2hex(key->public_hex, sizeof(key->public_hex), public, sizeof(public));
}

int chain_key_read(const char *path, struct chain_key *key, struct error *err)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	const char *digits;
	void *text;
	size_t size;
	int rc = trusted_file_read(path, TRUSTED_SECRET, &text, &size, err);

	if (rc != 0)
		return rc;
	digits = key_digits(text, size, SECRET_WORD);
	if (!digits || sodium_hex2bin(seed, sizeof(seed), digits, 64, NULL, NULL, NULL) != 0)
		rc = error_set(err, -EINVAL,
			"%s: is no secret key of an audit log: one line, \"" SECRET_WORD
			"\" and 64 hexadecimal digits",
			path);
	trusted_file_free(text);
	if (rc == 0)
		key_of_seed(seed, key);
	sodium_memzero(seed, sizeof(seed));
	return rc;
}

static int key_make(const char *path, struct error *err)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	char text[sizeof(SECRET_WORD) + CHAIN_HEX_BYTES];
	int rc;

	randombytes_buf(seed, sizeof(seed));
	strcpy(text, SECRET_WORD);
	sodium_bin2hex(text + strlen(text), CHAIN_HEX_BYTES, seed, sizeof(seed));
	strcat(text, "\n");
	rc = trusted_file_create(path, TRUSTED_SECRET, text, strlen(text), err);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	return rc == -EEXIST ? 0 : rc;
}

static int key_public_path(const char *path, char public[PATH_MAX], struct error *err)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *dot = strrchr(name, '.');
	const size_t stem = dot && dot > name ? (size_t)(dot - path) : strlen(path);

	if (stem + 8 >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%s: is too long for a path", path);
	snprintf(public, PATH_MAX, "%.*s.pub", (int)stem, path);
	return 0;
}

static int key_publish(const char *path, const struct chain_key *key, struct error *err)
{
	char public[PATH_MAX], text[sizeof(PUBLIC_WORD) + CHAIN_HEX_BYTES];
	char there[CHAIN_HEX_BYTES];
	struct error ignored;
	int rc = key_public_path(path, public, err);

	if (rc != 0)
		return rc;
	if (chain_public_read(public, there, &ignored) == 0 && strcmp(there, key->public_hex) == 0)
		return 0;
	snprintf(text, sizeof(text), PUBLIC_WORD "%s\n", key->public_hex);
	return trusted_file_replace(public, TRUSTED_PUBLIC, text, strlen(text), err);
}

int chain_key_open(const char *path, struct chain_key *key, struct error *err)
{
	struct stat status;
	int rc = 0;

	if (lstat(path, &status) != 0 && errno == ENOENT)
		rc = key_make(path, err);
	if (rc == 0)
		rc = chain_key_read(path, key, err);
	if (rc == 0)
		rc = key_publish(path, key, err);
	return rc;
}

void chain_key_wipe(struct chain_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

int chain_public_read(const char *path, char hex[CHAIN_HEX_BYTES], struct error *err)
{
	const char *digits;
	void *text;
	size_t size;
	int rc = trusted_file_read(path, TRUSTED_PUBLIC, &text, &size, err);

	if (rc != 0)
		return rc;
	digits = key_digits(text, size, PUBLIC_WORD);
	if (digits)
		snprintf(hex, CHAIN_HEX_BYTES, "%.64s", digits);
	else
		rc = error_set(err, -EINVAL,
			"%s: is no public key of an audit log: one line, \"" PUBLIC_WORD
			"\" and 64 hexadecimal digits",
			path);
	trusted_file_free(text);
	return rc;
}

// --- Signatures ----------------------------------------------------------------------------------

static void sign(const struct chain_key *key, const char *message, char hex[CHAIN_SIGNATURE_BYTES])
{
	unsigned char signature[crypto_sign_BYTES];

	crypto_sign_detached(
		signature, NULL, (const unsigned char *)message, strlen(message), key->secret);
	sodium_bin2hex(hex, CHAIN_SIGNATURE_BYTES, signature, sizeof(signature));
}

// Both are digits, and so many of them.
static bool sign_holds(const char *message, const char *key_hex, const char *signature_hex)
{
	unsigned char key[crypto_sign_PUBLICKEYBYTES], signature[crypto_sign_BYTES];

	return sodium_hex2bin(key, sizeof(key), key_hex, 2 * sizeof(key), NULL, NULL, NULL) == 0 &&
		sodium_hex2bin(signature, sizeof(signature), signature_hex, 2 * sizeof(signature),
			NULL, NULL, NULL) == 0 &&
		crypto_sign_verify_detached(
			signature, (const unsigned char *)message, strlen(message), key) == 0;
}

static void sign_checkpoint_text(
	char text[MESSAGE_BYTES], uint64_t seq, const char *at, const char *prev)
{
	snprintf(text, MESSAGE_BYTES, "martlet audit checkpoint\n%" PRIu64 "\n%.27s\n%.64s\n", seq,
		at, prev);
}

static void sign_head_text(char text[MESSAGE_BYTES], uint64_t seq, const char *hash)
{
	snprintf(text, MESSAGE_BYTES, "martlet audit head\n%" PRIu64 "\n%.64s\n", seq, hash);
}

size_t chain_checkpoint(const struct chain_key *key, struct chain_place *place, int64_t at_us,
	char line[CHAIN_LINE_BYTES_MAX])
{
	char at[CHAIN_TIME_BYTES], text[MESSAGE_BYTES], signature[CHAIN_SIGNATURE_BYTES];
	const struct chain_entry entry = { .kind = CHAIN_CHECKPOINT,
		.at_us = at_us,
		.key = key->public_hex,
		.signature = signature };

	chain_time(at_us, at);
	sign_checkpoint_text(text, place->seq + 1, at, place->hash);
	sign(key, text, signature);
	return chain_write(place, &entry, line);
}

bool chain_checkpoint_holds(const struct chain_line *line)
{
	const struct chain_value *at = &line->fields[CHAIN_at], *key = &line->fields[CHAIN_key];
	const struct chain_value *signature = &line->fields[CHAIN_signature];
	char text[MESSAGE_BYTES];

	if (line->kind != CHAIN_CHECKPOINT || !at->at || at->bytes != CHAIN_TIME_BYTES - 1 ||
		!key->at || !chain_is_hex(key->at, key->bytes, CHAIN_HEX_BYTES - 1) ||
		!signature->at ||
		!chain_is_hex(signature->at, signature->bytes, CHAIN_SIGNATURE_BYTES - 1))
		return false;
	sign_checkpoint_text(text, line->seq, at->at, line->prev);
	return sign_holds(text, key->at, signature->at);
}

// --- The head ------------------------------------------------------------------------------------

static const char HEAD_SHAPE[] =
	"{\"seq\":%" PRIu64 ",\"hash\":\"%.64s\",\"key\":\"%.64s\",\"signature\":\"%.128s\"}";

void chain_head_write(
	const struct chain_key *key, const struct chain_place *place, char head[CHAIN_HEAD_BYTES])
{
	char text[MESSAGE_BYTES], signature[CHAIN_SIGNATURE_BYTES], made[CHAIN_HEAD_BYTES];
	int n;

	sign_head_text(text, place->seq, place->hash);
	sign(key, text, signature);
	n = snprintf(made, sizeof(made), HEAD_SHAPE, place->seq, place->hash, key->public_hex,
		signature);
	memset(head, ' ', CHAIN_HEAD_BYTES);
	memcpy(head, made, (size_t)n);
	head[CHAIN_HEAD_BYTES - 1] = '\n';
}

// A string of digits behind `key` in what is left; moves *at behind it.
static bool head_take(
	const char **at, const char *end, const char *key, char *digits, size_t n_digits)
{
	const size_t bytes = strlen(key);

	if ((size_t)(end - *at) < bytes + n_digits || memcmp(*at, key, bytes) != 0 ||
		!chain_is_hex(*at + bytes, n_digits, n_digits))
		return false;
	memcpy(digits, *at + bytes, n_digits);
	digits[n_digits] = '\0';
	*at += bytes + n_digits;
	return true;
}

static bool head_parse(const char *head, size_t size, struct chain_place *place,
	char key[CHAIN_HEX_BYTES], char signature[CHAIN_SIGNATURE_BYTES])
{
	const char *at = head + 7, *end = head + size;
	uint64_t seq = 0;

	if (size < 7 || memcmp(head, "{\"seq\":", 7) != 0)
		return false;
	for (int i = 0; i < 19 && at < end && *at >= '0' && *at <= '9'; i++)
		seq = seq * 10 + (uint64_t)(*at++ - '0');
	place->seq = seq;
	return seq && head_take(&at, end, ",\"hash\":\"", place->hash, CHAIN_HEX_BYTES - 1) &&
		head_take(&at, end, "\",\"key\":\"", key, CHAIN_HEX_BYTES - 1) &&
		head_take(&at, end, "\",\"signature\":\"", signature, CHAIN_SIGNATURE_BYTES - 1) &&
		end - at >= 2 && memcmp(at, "\"}", 2) == 0;
}

int chain_head_read(const char *head, size_t size, struct chain_place *place,
	char key[CHAIN_HEX_BYTES], struct error *err)
{
	char made[CHAIN_HEAD_BYTES], text[MESSAGE_BYTES], signature[CHAIN_SIGNATURE_BYTES];
	int n;

	if (size != CHAIN_HEAD_BYTES || !head_parse(head, size, place, key, signature))
		return error_set(err, -EINVAL, "is no head of an audit log");
	// There is one way to write it, so that no byte of it can be another unseen.
	n = snprintf(made, sizeof(made), HEAD_SHAPE, place->seq, place->hash, key, signature);
	if (memcmp(head, made, (size_t)n) != 0 || head[size - 1] != '\n' ||
		strspn(head + n, " ") != (size_t)(CHAIN_HEAD_BYTES - 1 - n))
		return error_set(err, -EINVAL, "is no head of an audit log");
	sign_head_text(text, place->seq, place->hash);
	if (!sign_holds(text, key, signature))
		return error_set(err, -EINVAL, "is not signed by the key that it names");
	return 0;
}
