// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/minisign.h"

#include "base/trust/lines.h"
#include "base/trust/trusted_file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRUSTED    "trusted comment: "
#define READ_BYTES ((size_t)1 << 20)

const uint8_t MINISIGN_ALGORITHM[2] = { 'E', 'd' };
static const uint8_t ALGORITHM_HASHED[2] = { 'E', 'D' }; // of signatures

struct public_bytes { // of a public key's base64
	uint8_t algorithm[2];
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t key[32];
};

struct signature_bytes { // of a signature's base64
	uint8_t algorithm[2];
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t signature[64];
};

_Static_assert(
	sizeof(struct public_bytes) == 42 && sizeof(struct signature_bytes) == 74, "no holes");
_Static_assert(crypto_sign_PUBLICKEYBYTES == 32 && crypto_sign_SECRETKEYBYTES == 64 &&
		crypto_sign_BYTES == 64,
	"Ed25519");

void minisign_id_text(const uint8_t id[MINISIGN_ID_BYTES], char text[MINISIGN_ID_TEXT])
{
	for (int i = 0; i < MINISIGN_ID_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02X", id[MINISIGN_ID_BYTES - 1 - i]);
}

// --- Public keys ---------------------------------------------------------------------------------

int minisign_public_parse(
	const char *text, size_t size, struct minisign_public *key, struct error *err)
{
	struct lines lines = { .text = text, .left = size };
	struct public_bytes bytes;
	struct line line;
	int rc;

	rc = lines_next(&lines, "the public key", &line, err);
	if (rc == 0 && line_begins(&line, MINISIGN_UNTRUSTED)) {
		rc = line_check_comment(
			&line, "the untrusted comment", MINISIGN_UNTRUSTED_BYTES, err);
		if (rc == 0)
			rc = lines_next(&lines, "the public key", &line, err);
	}
	if (rc == 0)
		rc = line_base64(&line, "a public key of minisign", &bytes, sizeof(bytes), err);
	if (rc == 0)
		rc = lines_end(&lines, "the public key", err);
	if (rc != 0)
		return rc;
	if (memcmp(bytes.algorithm, MINISIGN_ALGORITHM, sizeof(MINISIGN_ALGORITHM)) != 0)
		return error_set(err, -EINVAL,
			"is a key of another kind than Ed25519, which minisign's public keys are "
			"of");
	memcpy(key->id, bytes.id, sizeof(key->id));
	memcpy(key->key, bytes.key, sizeof(key->key));
	return 0;
}

int minisign_public_read(
	const char *given, const char *service, struct minisign_public *key, struct error *err)
{
	void *text;
	size_t size;
	int rc;

	if (minisign_public_parse(given, strlen(given), key, err) == 0)
		return 0;
	rc = trusted_file_read_of(given, TRUSTED_PUBLIC, service, &text, &size, err);
	if (rc != 0)
		return rc;
	rc = minisign_public_parse(text, size, key, err);
	trusted_file_free(text);
	return rc != 0 ? error_prefix(err, "%.300s", given) : 0;
}

void minisign_public_text(const struct minisign_public *key, char text[MINISIGN_PUBLIC_BYTES])
{
	struct public_bytes bytes;

	memcpy(bytes.algorithm, MINISIGN_ALGORITHM, sizeof(MINISIGN_ALGORITHM));
	memcpy(bytes.id, key->id, sizeof(bytes.id));
	memcpy(bytes.key, key->key, sizeof(bytes.key));
	sodium_bin2base64(text, MINISIGN_PUBLIC_BYTES, (const uint8_t *)&bytes, sizeof(bytes),
		sodium_base64_VARIANT_ORIGINAL);
}

char *minisign_public_format(const struct minisign_public *key)
{
	char id[MINISIGN_ID_TEXT], base64[MINISIGN_PUBLIC_BYTES], *text;

	minisign_id_text(key->id, id);
	minisign_public_text(key, base64);
	return asprintf(&text, MINISIGN_UNTRUSTED "minisign public key %s\n%s\n", id, base64) < 0
		? NULL
		: text;
}

// --- Signatures ----------------------------------------------------------------------------------

static int signature_take(const struct signature_bytes *bytes, struct minisign_signature *signature,
	struct error *err)
{
	if (memcmp(bytes->algorithm, MINISIGN_ALGORITHM, sizeof(MINISIGN_ALGORITHM)) == 0)
		return error_set(err, -ENOTSUP,
			"is a legacy signature (Ed), over the file and not over its hash; sign "
			"again, with martletctl model sign or minisign 0.10 or later");
	if (memcmp(bytes->algorithm, ALGORITHM_HASHED, sizeof(ALGORITHM_HASHED)) != 0)
		return error_set(err, -EINVAL,
			"is a signature of another kind than minisign's ED, which is Ed25519 over "
			"BLAKE2b-512");
	memcpy(signature->id, bytes->id, sizeof(signature->id));
	memcpy(signature->of_hash, bytes->signature, sizeof(signature->of_hash));
	return 0;
}

int minisign_signature_parse(
	const char *text, size_t size, struct minisign_signature *signature, struct error *err)
{
	struct lines lines = { .text = text, .left = size };
	struct signature_bytes bytes;
	struct line untrusted, base64, trusted, global;
	int rc;

	memset(signature, 0, sizeof(*signature));
	if (size >= MINISIGN_SIGNATURE_BYTES)
		return error_set(err, -EINVAL,
			"is no signature: it has %zu bytes, a signature less than %d", size,
			MINISIGN_SIGNATURE_BYTES);
	rc = lines_next(&lines, "the signature", &untrusted, err);
	if (rc == 0)
		rc = lines_next(&lines, "the signature", &base64, err);
	if (rc == 0)
		rc = lines_next(&lines, "the signature", &trusted, err);
	if (rc == 0)
		rc = lines_next(&lines, "the signature", &global, err);
	if (rc == 0)
		rc = lines_end(&lines, "the signature", err);
	if (rc == 0)
		rc = line_take_prefix(
			&untrusted, MINISIGN_UNTRUSTED, "the signature's first line", err);
	if (rc == 0)
		rc = line_check_comment(
			&untrusted, "the untrusted comment", MINISIGN_UNTRUSTED_BYTES, err);
	if (rc == 0)
		rc = line_base64(&base64, "a signature of minisign", &bytes, sizeof(bytes), err);
	if (rc == 0)
		rc = signature_take(&bytes, signature, err);
	if (rc == 0)
		rc = line_take_prefix(&trusted, TRUSTED, "the signature's third line", err);
	if (rc == 0)
		rc = line_check_comment(
			&trusted, "the trusted comment", MINISIGN_COMMENT_BYTES, err);
	if (rc == 0)
		rc = line_base64(&global, "the signature of a trusted comment",
			signature->of_comment, sizeof(signature->of_comment), err);
	if (rc != 0)
		return rc;
	memcpy(signature->comment, trusted.text, trusted.bytes);
	return 0;
}

char *minisign_signature_format(const struct minisign_signature *signature)
{
	struct signature_bytes bytes;
	char base64[sodium_base64_ENCODED_LEN(sizeof(bytes), sodium_base64_VARIANT_ORIGINAL)];
	char global[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_ORIGINAL)];
	char *text;

	memcpy(bytes.algorithm, ALGORITHM_HASHED, sizeof(ALGORITHM_HASHED));
	memcpy(bytes.id, signature->id, sizeof(bytes.id));
	memcpy(bytes.signature, signature->of_hash, sizeof(bytes.signature));
	sodium_bin2base64(base64, sizeof(base64), (const uint8_t *)&bytes, sizeof(bytes),
		sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(global, sizeof(global), signature->of_comment,
		sizeof(signature->of_comment), sodium_base64_VARIANT_ORIGINAL);
	if (asprintf(&text,
		    MINISIGN_UNTRUSTED "signature from minisign secret key\n%s\n" TRUSTED
				       "%s\n%s\n",
		    base64, signature->comment, global) < 0)
		return NULL;
	return text;
}

// --- Hashing -------------------------------------------------------------------------------------

void minisign_hash(const void *bytes, size_t size, uint8_t hash[MINISIGN_HASH_BYTES])
{
	crypto_generichash(hash, MINISIGN_HASH_BYTES, bytes, size, NULL, 0);
}

int minisign_hash_file(int fd, uint8_t hash[MINISIGN_HASH_BYTES])
{
	crypto_generichash_state state;
	uint8_t *part = malloc(READ_BYTES);
	ssize_t got;
	int rc = 0;

	if (!part)
		return -ENOMEM;
	crypto_generichash_init(&state, NULL, 0, MINISIGN_HASH_BYTES);
	while ((got = read(fd, part, READ_BYTES)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = -errno;
			break;
		}
		crypto_generichash_update(&state, part, (size_t)got);
	}
	crypto_generichash_final(&state, hash, MINISIGN_HASH_BYTES);
	free(part);
	return rc;
}

// --- Signing and checking ------------------------------------------------------------------------

// What the second signature is over: the first one, and the comment without its prefix.
static size_t global_message(
	const struct minisign_signature *signature, uint8_t message[64 + MINISIGN_COMMENT_BYTES])
{
	const size_t bytes = strlen(signature->comment);

	memcpy(message, signature->of_hash, sizeof(signature->of_hash));
	memcpy(message + sizeof(signature->of_hash), signature->comment, bytes);
	return sizeof(signature->of_hash) + bytes;
}

void minisign_sign(const struct minisign_secret *secret, const uint8_t hash[MINISIGN_HASH_BYTES],
	const char *comment, struct minisign_signature *signature)
{
	uint8_t message[64 + MINISIGN_COMMENT_BYTES];

	memset(signature, 0, sizeof(*signature));
	memcpy(signature->id, secret->id, sizeof(signature->id));
	snprintf(signature->comment, sizeof(signature->comment), "%s", comment);
	crypto_sign_detached(signature->of_hash, NULL, hash, MINISIGN_HASH_BYTES, secret->key);
	crypto_sign_detached(signature->of_comment, NULL, message,
		global_message(signature, message), secret->key);
}

int minisign_check(const struct minisign_public *key, const uint8_t hash[MINISIGN_HASH_BYTES],
	const struct minisign_signature *signature, struct error *err)
{
	uint8_t message[64 + MINISIGN_COMMENT_BYTES];
	char id[MINISIGN_ID_TEXT];

	minisign_id_text(key->id, id);
	if (crypto_sign_verify_detached(signature->of_hash, hash, MINISIGN_HASH_BYTES, key->key) !=
		0)
		return error_set(err, -EBADMSG,
			"the signature does not fit: either what it signs was changed since, or "
			"another key than %s made it",
			id);
	if (crypto_sign_verify_detached(signature->of_comment, message,
		    global_message(signature, message), key->key) != 0)
		return error_set(
			err, -EBADMSG, "the trusted comment is not the one that key %s signed", id);
	return 0;
}
