// SPDX-License-Identifier: BSD-3-Clause
// OpenSSL's interface of 1.1: that of 3.0 allocates, and so can fail, for a hash that needs no memory.
#define OPENSSL_API_COMPAT 0x10100000L
#include "base/sha256.h"

void sha256_begin(struct sha256 *sha)
{
	SHA256_Init(&sha->state);
}

void sha256_add(struct sha256 *sha, const void *data, size_t bytes)
{
	if (bytes > 0)
		SHA256_Update(&sha->state, data, bytes);
}

void sha256_end(struct sha256 *sha, uint8_t hash[SHA256_BYTES])
{
	SHA256_Final(hash, &sha->state);
}

void sha256_of(uint8_t hash[SHA256_BYTES], const void *data, size_t bytes)
{
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add(&sha, data, bytes);
	sha256_end(&sha, hash);
}

void sha256_text_of(char text[SHA256_TEXT_BYTES], const void *data, size_t bytes)
{
	static const char DIGITS[] = "0123456789abcdef";
	uint8_t hash[SHA256_BYTES];

	sha256_of(hash, data, bytes);
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		text[2 * i] = DIGITS[hash[i] >> 4];
		text[2 * i + 1] = DIGITS[hash[i] & 15];
	}
	text[2 * SHA256_BYTES] = '\0';
}
