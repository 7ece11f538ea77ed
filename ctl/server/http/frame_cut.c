// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/frame_cut.h"

#include <stdbool.h>
#include <string.h>

#define TYPE_RESET 3

void frame_cut_init(struct frame_cut *cut, size_t preface_bytes)
{
	*cut = (struct frame_cut){ .left = preface_bytes };
}

static size_t frame_payload(const uint8_t *head)
{
	return (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
}

// RFC 9113, 6.4: of another size it is an error, which is not hidden.
static bool frame_is_reset(const uint8_t *head)
{
	return head[3] == TYPE_RESET && frame_payload(head) == FRAME_RESET_BYTES - FRAME_HEAD_BYTES;
}

static void frame_piece_reset(struct frame_piece *piece, const uint8_t *frame)
{
	const uint8_t *id = frame + 5;

	*piece = (struct frame_piece){ .at = frame,
		.size = FRAME_RESET_BYTES,
		.reset = (int32_t)((uint32_t)(id[0] & 0x7f) << 24 | (uint32_t)id[1] << 16 |
			(uint32_t)id[2] << 8 | id[3]) };
}

// Whole frames, and a part of the last one, up to a RST_STREAM or a header that is cut.
static size_t frame_cut_run(struct frame_cut *cut, const uint8_t *data, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		const size_t n = cut->left < bytes - at ? cut->left : bytes - at;

		at += n;
		cut->left -= n;
		if (cut->left > 0 || bytes - at < FRAME_HEAD_BYTES || frame_is_reset(data + at))
			break;
		cut->left = frame_payload(data + at);
		at += FRAME_HEAD_BYTES;
	}
	return at;
}

size_t frame_cut_next(
	struct frame_cut *cut, const uint8_t *data, size_t bytes, struct frame_piece *piece)
{
	// More than a header is held of a RST_STREAM only.
	size_t wanted = cut->n_held < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : FRAME_RESET_BYTES;
	size_t taken = cut->n_held ? 0 : frame_cut_run(cut, data, bytes);

	*piece = (struct frame_piece){ .at = data, .size = taken };
	if (taken > 0)
		return taken;
	while (taken < bytes && cut->n_held < wanted) {
		cut->held[cut->n_held++] = data[taken++];
		if (cut->n_held == FRAME_HEAD_BYTES && frame_is_reset(cut->held))
			wanted = FRAME_RESET_BYTES;
	}
	if (cut->n_held < wanted)
		return taken;
	*piece = (struct frame_piece){ .at = cut->held, .size = wanted };
	if (wanted == FRAME_RESET_BYTES)
		frame_piece_reset(piece, cut->held);
	else
		cut->left = frame_payload(cut->held);
	cut->n_held = 0;
	return taken;
}
