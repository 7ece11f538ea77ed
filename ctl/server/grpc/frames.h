// SPDX-License-Identifier: BSD-3-Clause
// gRPC's messages out of a stream's bytes, which may be cut anywhere: each is one byte that says whether it is
// compressed, its length in four bytes, the highest first, and itself. Owner: one thread.
#pragma once

#include "base/error.h"
#include "ctl/server/http/bound.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMES_PREFIX_BYTES 5

struct frames {
	size_t message_bytes_max;
	// Holds what has come of the message until that is freed or taken.
	struct bound_share share;
	uint8_t prefix[FRAMES_PREFIX_BYTES];
	unsigned prefix_bytes;
	// The message at hand: message[size], 64-byte aligned, of which `got` have come; behind it is a zero
	// byte. Who takes it copies `share`, sets `message` to NULL and share.held to 0.
	char *message;
	size_t size, got;
};

void frames_init(struct frames *frames, size_t message_bytes_max, const struct bound_share *share);
void frames_fini(struct frames *frames);
// Takes from data[size], and moves both on. 1: the message is complete, and frames_next() must be called
// before what follows is taken; 0: everything is taken, and it is not; -EMSGSIZE: it is longer than it may be,
// said before any of it is taken; -EBUSY: there is no room for it now; -ENOTSUP: it is compressed; -EINVAL: the
// first byte is none; -ENOMEM.
int frames_take(struct frames *frames, const char **data, size_t *size, struct error *err);
void frames_next(struct frames *frames);          // frees the message, if it is still there
bool frames_is_amid(const struct frames *frames); // a message has begun, and is not complete
// The prefix of a message of so many bytes.
void frames_prefix(char prefix[FRAMES_PREFIX_BYTES], size_t size);
