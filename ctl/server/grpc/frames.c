// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/frames.h"

#include "base/align.h"

#include <stdlib.h>
#include <string.h>

void frames_init(struct frames *frames, size_t message_bytes_max, const struct bound_share *share)
{
	*frames = (struct frames){ .message_bytes_max = message_bytes_max, .share = *share };
}

void frames_fini(struct frames *frames)
{
	if (frames->message)
		bound_share_set(&frames->share, 0);
	free(frames->message);
	frames->message = NULL;
}

void frames_next(struct frames *frames)
{
	const struct bound_share share = { frames->share.bound, 0, frames->share.taken };

	frames_fini(frames);
	frames_init(frames, frames->message_bytes_max, &share);
}

bool frames_is_amid(const struct frames *frames)
{
	return frames->prefix_bytes > 0 &&
		!(frames->prefix_bytes == FRAMES_PREFIX_BYTES && frames->got == frames->size);
}

static int frames_begin(struct frames *frames, struct error *err)
{
	const uint8_t *p = frames->prefix;

	if (p[0] > 1)
		return error_set(
			err, -EINVAL, "a message begins with the byte %u; 0 and 1 are known", p[0]);
	if (p[0] == 1)
		return error_set(err, -ENOTSUP,
			"the message is compressed; it is taken only as it is (identity)");
	frames->size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (frames->size > frames->message_bytes_max)
		return error_set(err, -EMSGSIZE,
			"a message of %zu bytes; at most %zu are taken (control.message_bytes)",
			frames->size, frames->message_bytes_max);
	if (!bound_share_admits(&frames->share, frames->size))
		return error_set(err, -EBUSY,
			"no room for a message of %zu bytes beside those under way: ask again "
			"later",
			frames->size);
	// Memory that no byte has come for is not taken from the machine yet.
	frames->message = aligned_alloc(64, align_up(frames->size + 1, 64));
	if (!frames->message)
		return error_set(
			err, -ENOMEM, "no memory for a message of %zu bytes", frames->size);
	frames->message[frames->size] = '\0';
	return 0;
}

int frames_take(struct frames *frames, const char **data, size_t *size, struct error *err)
{
	size_t n;

	while (frames->prefix_bytes < FRAMES_PREFIX_BYTES) {
		int rc;

		if (*size == 0)
			return 0;
		frames->prefix[frames->prefix_bytes++] = (uint8_t) * (*data)++;
		--*size;
		if (frames->prefix_bytes < FRAMES_PREFIX_BYTES)
			continue;
		rc = frames_begin(frames, err);
		if (rc != 0)
			return rc;
	}
	n = frames->size - frames->got;
	n = n < *size ? n : *size;
	memcpy(frames->message + frames->got, *data, n);
	frames->got += n;
	bound_share_set(&frames->share, frames->got);
	*data += n;
	*size -= n;
	return frames->got == frames->size;
}

void frames_prefix(char prefix[FRAMES_PREFIX_BYTES], size_t size)
{
	prefix[0] = 0;
	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (char)(size >> (24 - 8 * i));
}
