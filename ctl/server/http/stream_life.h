// SPDX-License-Identifier: BSD-3-Clause
// How a stream of HTTP/2 begins and ends, what it does meanwhile, and whether that moves. Control thread only.
#pragma once

#include "ctl/server/http/stream_state.h"

// A stream begins; NULL without memory.
struct stream *stream_create(struct streams *of, int32_t id);
// It is over: it is freed, and its owner or handler told.
void stream_destroy(struct stream *s);
// Its answer has left as a whole.
void stream_note_left(struct stream *s);
// Looks whether bytes come and go as they must; what does not is refused or reset.
void stream_look(struct stream *s, uint64_t now_ms);
// What it does, of what a connection may.
enum connection_phase stream_phase(const struct stream *s);
