// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/datagram.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

void datagram_seal(
	void *datagram, size_t bytes, const uint8_t secret[KEY_SECRET_BYTES], uint64_t counter)
{
	uint8_t *end = (uint8_t *)datagram + bytes;

	_Static_assert(crypto_shorthash_KEYBYTES == KEY_SECRET_BYTES &&
			crypto_shorthash_BYTES == sizeof(counter),
		"libsodium's short hash is SipHash-2-4 of 64 bits");
	memcpy(end, &counter, sizeof(counter));
	crypto_shorthash(end + sizeof(counter), datagram, bytes + sizeof(counter), secret);
}

bool datagram_is_sealed(const void *datagram, size_t bytes, const uint8_t secret[KEY_SECRET_BYTES],
	uint64_t counter)
{
	uint8_t tag[crypto_shorthash_BYTES];
	const uint8_t *end = (const uint8_t *)datagram + bytes - DATAGRAM_TRAILER_BYTES;

	if (bytes < DATAGRAM_TRAILER_BYTES || memcmp(end, &counter, sizeof(counter)) != 0)
		return false;
	crypto_shorthash(tag, datagram, bytes - sizeof(tag), secret);
	return sodium_memcmp(tag, end + sizeof(counter), sizeof(tag)) == 0;
}

uint64_t datagram_counter(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
