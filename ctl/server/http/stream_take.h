// SPDX-License-Identifier: BSD-3-Clause
// What comes on a stream of HTTP/2, its header and its body, and what of it is refused. Control thread only.
#pragma once

#include "ctl/server/http/stream_state.h"

// A header field came. False: of a header that long no more is read, the connection is to end.
bool stream_take_field(
	struct stream *s, const char *name, size_t name_bytes, const char *value, size_t bytes);
// The header is complete: is_last: and so is the request.
void stream_take_head(struct stream *s, bool is_last);
void stream_take_data(struct stream *s, const uint8_t *data, size_t bytes);
void stream_take_end(struct stream *s);
// Answers a request that is not handled yet with what is wrong, counted.
__attribute__((format(printf, 3, 4))) void stream_refuse(
	struct stream *s, enum refusal why, const char *format, ...);
