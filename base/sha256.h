// SPDX-License-Identifier: BSD-3-Clause
// SHA-256 (FIPS 180-4) by OpenSSL, which uses the CPU's own instructions where it has them: libsodium's
// takes five times as long over a big model. Cannot fail. Any thread, each with its own struct.
#pragma once

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES SHA256_DIGEST_LENGTH

struct sha256 {
	SHA256_CTX state;
};

void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t bytes);
void sha256_end(struct sha256 *sha, uint8_t hash[SHA256_BYTES]);
// All at once.
void sha256_of(uint8_t hash[SHA256_BYTES], const void *data, size_t bytes);
// ... as hexadecimal digits.
#define SHA256_TEXT_BYTES (2 * SHA256_BYTES + 1)
void sha256_text_of(char text[SHA256_TEXT_BYTES], const void *data, size_t bytes);
