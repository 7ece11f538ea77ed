// SPDX-License-Identifier: BSD-3-Clause
// An authenticated datagram's end (docs/wire.md), as clients make and check it: a counter of 64 bits that only
// grows, and the SipHash-2-4 of everything before, 64 bits, both little-endian. Any thread.
#pragma once

#include "base/trust/keys.h"

#define DATAGRAM_TRAILER_BYTES 16

// Writes the trailer behind the `bytes` of a datagram that end where it begins, padding included.
void datagram_seal(
	void *datagram, size_t bytes, const uint8_t secret[KEY_SECRET_BYTES], uint64_t counter);
// Does the datagram of `bytes` end in the counter and the right tag? In constant time.
bool datagram_is_sealed(const void *datagram, size_t bytes, const uint8_t secret[KEY_SECRET_BYTES],
	uint64_t counter);
// What a client counts from: nanoseconds since 1970, so that one that is started anew goes on above.
uint64_t datagram_counter(void);
