// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/minisign_secret.h"

#include "base/trust/lines.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

struct secret_kept { // what a password hides
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t key[64];
	uint8_t checksum[32]; // BLAKE2b-256 of "Ed", id and key
};

struct secret_bytes {               // of the file's base64
	uint8_t algorithm[2];       // "Ed"
	uint8_t kdf[2];             // "Sc", or zeros: no password
	uint8_t checksum_method[2]; // "B2"
	uint8_t salt[32];
	uint8_t operations[8], memory_bytes[8]; // little-endian
	struct secret_kept kept;
};

_Static_assert(sizeof(struct secret_bytes) == 158, "no holes");

const struct minisign_cost MINISIGN_COST = {
	crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE,
	crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE,
};

static const uint8_t KDF_SCRYPT[2] = { 'S', 'c' };
static const uint8_t KDF_NONE[2] = { 0, 0 };
static const uint8_t CHECKSUM_BLAKE2B[2] = { 'B', '2' };

static uint64_t secret_load64(const uint8_t bytes[8])
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

static void secret_store64(uint8_t bytes[8], uint64_t value)
{
	value = htole64(value);
	memcpy(bytes, &value, sizeof(value));
}

static void secret_checksum(const struct secret_kept *kept, uint8_t checksum[32])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, MINISIGN_ALGORITHM, sizeof(MINISIGN_ALGORITHM));
	crypto_generichash_update(&state, kept->id, sizeof(kept->id));
	crypto_generichash_update(&state, kept->key, sizeof(kept->key));
	crypto_generichash_final(&state, checksum, 32);
	sodium_memzero(&state, sizeof(state));
}

// Both ways: what is hidden is XORed with what scrypt makes of the password.
static int secret_mask(struct secret_bytes *bytes, const char *password)
{
	uint8_t stream[sizeof(bytes->kept)], *kept = (uint8_t *)&bytes->kept;

	if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password, strlen(password),
		    bytes->salt, secret_load64(bytes->operations),
		    (size_t)secret_load64(bytes->memory_bytes)) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(stream); i++)
		kept[i] ^= stream[i];
	sodium_memzero(stream, sizeof(stream));
	return 0;
}

void minisign_public_of(const struct minisign_secret *secret, struct minisign_public *key)
{
	memcpy(key->id, secret->id, sizeof(key->id));
	crypto_sign_ed25519_sk_to_pk(key->key, secret->key);
}

void minisign_make(struct minisign_secret *secret, struct minisign_public *key)
{
	randombytes_buf(secret->id, sizeof(secret->id));
	crypto_sign_keypair(key->key, secret->key);
	memcpy(key->id, secret->id, sizeof(key->id));
}

void minisign_secret_fini(struct minisign_secret *secret)
{
	sodium_memzero(secret, sizeof(*secret));
}

// --- Reading -------------------------------------------------------------------------------------

static int secret_read(const char *text, size_t size, struct secret_bytes *bytes, struct error *err)
{
	static const char WHAT[] = "the secret key";
	struct lines lines = { .text = text, .left = size };
	struct line comment, base64;
	int rc = lines_next(&lines, WHAT, &comment, err);

	if (rc == 0)
		rc = lines_next(&lines, WHAT, &base64, err);
	if (rc == 0)
		rc = lines_end(&lines, WHAT, err);
	if (rc == 0)
		rc = line_take_prefix(
			&comment, MINISIGN_UNTRUSTED, "the secret key's first line", err);
	if (rc == 0)
		rc = line_check_comment(
			&comment, "the untrusted comment", MINISIGN_UNTRUSTED_BYTES, err);
	if (rc == 0)
		rc = line_base64(&base64, "a secret key of minisign", bytes, sizeof(*bytes), err);
	if (rc != 0)
		return rc;
	if (memcmp(bytes->algorithm, MINISIGN_ALGORITHM, 2) != 0 ||
		memcmp(bytes->checksum_method, CHECKSUM_BLAKE2B, 2) != 0 ||
		(memcmp(bytes->kdf, KDF_SCRYPT, 2) != 0 && memcmp(bytes->kdf, KDF_NONE, 2) != 0))
		return error_set(err, -EINVAL,
			"is a secret key of another kind than minisign's: Ed25519, with scrypt or "
			"without a password");
	if (secret_load64(bytes->operations) > MINISIGN_COST.operations ||
		secret_load64(bytes->memory_bytes) > MINISIGN_COST.memory_bytes)
		return error_set(err, -EINVAL,
			"asks for more of scrypt than minisign does: %" PRIu64
			" operations and %" PRIu64 " bytes, at most %" PRIu64 " and %" PRIu64
			" are spent",
			secret_load64(bytes->operations), secret_load64(bytes->memory_bytes),
			MINISIGN_COST.operations, MINISIGN_COST.memory_bytes);
	return 0;
}

int minisign_secret_is_locked(const char *text, size_t size, bool *is_locked, struct error *err)
{
	struct secret_bytes bytes;
	int rc = secret_read(text, size, &bytes, err);

	*is_locked = rc == 0 && memcmp(bytes.kdf, KDF_SCRYPT, 2) == 0;
	sodium_memzero(&bytes, sizeof(bytes));
	return rc;
}

// The second half of the key is its public key: one that is another would give the secret away by what is signed.
static bool secret_is_pair(const struct secret_kept *kept)
{
	uint8_t seed[crypto_sign_SEEDBYTES], public[32], whole[64];
	bool is_pair;

	crypto_sign_ed25519_sk_to_seed(seed, kept->key);
	crypto_sign_seed_keypair(public, whole, seed);
	is_pair = sodium_memcmp(whole, kept->key, sizeof(whole)) == 0;
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(whole, sizeof(whole));
	return is_pair;
}

static int secret_open(struct secret_bytes *bytes, const char *password,
	struct minisign_secret *secret, struct error *err)
{
	const bool is_locked = memcmp(bytes->kdf, KDF_SCRYPT, 2) == 0;
	uint8_t checksum[32];

	if (is_locked && !password)
		return error_set(
			err, -EACCES, "the secret key takes a password, and none was given");
	if (is_locked && secret_mask(bytes, password) != 0)
		return error_set(err, -ENOMEM,
			"no memory to try the password: the key asks for %" PRIu64 " bytes of it",
			secret_load64(bytes->memory_bytes));
	secret_checksum(&bytes->kept, checksum);
	// minisign -W leaves zeros there.
	if (!is_locked && sodium_is_zero(bytes->kept.checksum, sizeof(checksum)))
		memset(checksum, 0, sizeof(checksum));
	if (sodium_memcmp(checksum, bytes->kept.checksum, sizeof(checksum)) != 0)
		return is_locked
			? error_set(err, -EACCES, "the password is wrong, or the file damaged")
			: error_set(err, -EINVAL, "is damaged: its checksum is another");
	if (!secret_is_pair(&bytes->kept))
		return error_set(err, -EINVAL, "is damaged: its halves are of two keys");
	memcpy(secret->id, bytes->kept.id, sizeof(secret->id));
	memcpy(secret->key, bytes->kept.key, sizeof(secret->key));
	return 0;
}

int minisign_secret_parse(const char *text, size_t size, const char *password,
	struct minisign_secret *secret, struct error *err)
{
	struct secret_bytes bytes;
	int rc = secret_read(text, size, &bytes, err);

	memset(secret, 0, sizeof(*secret));
	if (rc == 0)
		rc = secret_open(&bytes, password, secret, err);
	sodium_memzero(&bytes, sizeof(bytes));
	return rc;
}

// --- Writing -------------------------------------------------------------------------------------

static int secret_lock(
	struct secret_bytes *bytes, const char *password, const struct minisign_cost *cost)
{
	uint64_t operations = cost->operations, memory = cost->memory_bytes;

	memcpy(bytes->kdf, KDF_SCRYPT, sizeof(bytes->kdf));
	randombytes_buf(bytes->salt, sizeof(bytes->salt));
	for (;; operations /= 2, memory /= 2) {
		secret_store64(bytes->operations, operations);
		secret_store64(bytes->memory_bytes, memory);
		if (secret_mask(bytes, password) == 0)
			return 0;
		if (operations / 2 < crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_MIN ||
			memory / 2 < crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_MIN)
			return -ENOMEM;
	}
}

int minisign_secret_format(const struct minisign_secret *secret, const char *password,
	const struct minisign_cost *cost, char text[MINISIGN_SECRET_BYTES], struct error *err)
{
	struct secret_bytes bytes = { 0 };
	char base64[sodium_base64_ENCODED_LEN(sizeof(bytes), sodium_base64_VARIANT_ORIGINAL)];
	int rc = 0;

	memcpy(bytes.algorithm, MINISIGN_ALGORITHM, sizeof(bytes.algorithm));
	memcpy(bytes.checksum_method, CHECKSUM_BLAKE2B, sizeof(bytes.checksum_method));
	memcpy(bytes.kept.id, secret->id, sizeof(bytes.kept.id));
	memcpy(bytes.kept.key, secret->key, sizeof(bytes.kept.key));
	secret_checksum(&bytes.kept, bytes.kept.checksum);
	if (password)
		rc = secret_lock(&bytes, password, cost);
	sodium_bin2base64(base64, sizeof(base64), (const uint8_t *)&bytes, sizeof(bytes),
		sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, MINISIGN_SECRET_BYTES,
		MINISIGN_UNTRUSTED "minisign encrypted secret key\n%s\n", base64);
	sodium_memzero(&bytes, sizeof(bytes));
	sodium_memzero(base64, sizeof(base64));
	if (rc != 0) {
		sodium_memzero(text, MINISIGN_SECRET_BYTES);
		return error_set(err, rc, "no memory to encrypt the secret key by a password");
	}
	return 0;
}
