// SPDX-License-Identifier: BSD-3-Clause
// Cuts the bytes of an HTTP/2 connection so that each RST_STREAM is a piece of its own: a peer may break off a
// stream that it never opened. gRPC's C core does, of a call that is cancelled between the number that it gets
// and the header that is sent. To libnghttp2, as to RFC 9113, 5.1, that is an error of the connection, on which
// other calls are under way; so session.c keeps it from it. Control thread only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD_BYTES  9
#define FRAME_RESET_BYTES 13 // a RST_STREAM as a whole

struct frame_cut {
	size_t left; // of the frame at hand, behind its header; of the preface
	uint8_t held[FRAME_RESET_BYTES];
	unsigned n_held; // bytes of a header, or of a RST_STREAM, that came in pieces
};

struct frame_piece {
	const uint8_t *at; // [size], in the bytes that came, or in `held`, until the next call
	size_t size;       // 0: more must come
	int32_t reset;     // the stream of a RST_STREAM; 0: the piece is anything else
};

void frame_cut_init(struct frame_cut *cut, size_t preface_bytes);
// The next piece of what came, data[bytes]. How many of them were taken: 1 at least.
size_t frame_cut_next(
	struct frame_cut *cut, const uint8_t *data, size_t bytes, struct frame_piece *piece);
