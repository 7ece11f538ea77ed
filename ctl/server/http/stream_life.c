// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/stream_life.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/stream.h"
#include "ctl/server/http/stream_take.h"

#include <event2/buffer.h>
#include <stdlib.h>

#define STREAM_FREE_BYTES ((size_t)4 << 10) // of bound.h's, of all but a connection's first stream

// That a peer may go on sending of a request whose answer has left.
#define LINGER_MS    1000
#define LINGER_BYTES ((uint64_t)16 << 20)

// --- Its beginning and end -----------------------------------------------------------------------

static struct bound_share stream_new_share(const struct streams *of)
{
	return (struct bound_share){ .bound = &of->shared->bound,
		.taken = of->n > 1 ? BOUND_FREE_BYTES - STREAM_FREE_BYTES : 0 };
}

static struct http_request *stream_new_request(struct stream *s)
{
	struct http_request *request = request_create();

	if (!request)
		return NULL;
	shared_introduce(s->of->peer, request);
	request->respond = stream_respond;
	request->stream = s;
	request->share = stream_new_share(s->of);
	return request;
}

struct stream *stream_create(struct streams *of, int32_t id)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->of = of;
	s->id = id;
	LIST_INSERT_HEAD(&of->all, s, next);
	of->n++;
	s->out_share = stream_new_share(of);
	s->request = stream_new_request(s);
	s->head = evbuffer_new();
	s->out = evbuffer_new();
	if (s->request && s->head && s->out)
		return s;
	stream_destroy(s);
	return NULL;
}

void stream_destroy(struct stream *s)
{
	struct streams *of = s->of;

	if (s->is_service)
		of->shared->service->on_close(s, !s->has_left);
	if (s->request && s->is_handled) // it is its handler's from here on
		s->request->stream = NULL;
	else
		request_destroy(s->request);
	if (s->unconsumed > 0) // the stream's window is gone, but the connection's is not
		nghttp2_session_consume_connection(of->h2, s->unconsumed);
	bound_share_set(&s->out_share, 0);
	LIST_REMOVE(s, next);
	of->n--;
	if (s->head)
		evbuffer_free(s->head);
	if (s->out)
		evbuffer_free(s->out);
	free(s->trailers);
	free(s->method);
	free(s->path);
	free(s->authority);
	free(s);
}

enum connection_phase stream_phase(const struct stream *s)
{
	if (evbuffer_get_length(s->out) > 0 || (s->is_finished && !s->has_left))
		return CONNECTION_WRITING;
	if (!s->has_head)
		return CONNECTION_HEAD;
	if (s->is_patient)
		return CONNECTION_IDLE;
	return s->has_ended ? CONNECTION_HANDLING : CONNECTION_BODY;
}

// --- After the answer ----------------------------------------------------------------------------

void stream_note_left(struct stream *s)
{
	s->has_left = true;
	s->left_ms = deadline_now_ms();
	s->came_mark = s->came;
}

// The answer has left before the request ended. The peer is told to stop sending what nobody reads, but not at
// once: curl forgets an answer that a reset follows before it has stopped by itself.
static void stream_linger(struct stream *s, uint64_t now_ms)
{
	if (s->is_reset || s->has_ended ||
		(now_ms - s->left_ms < LINGER_MS && s->came - s->came_mark < LINGER_BYTES))
		return;
	s->is_reset = true;
	nghttp2_submit_rst_stream(s->of->h2, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	stream_wake(s);
}

// --- What does not move --------------------------------------------------------------------------

// Bytes that should go wait for a window that the peer does not open.
static bool stream_is_stuck(const struct stream *s)
{
	return evbuffer_get_length(s->out) > 0 &&
		nghttp2_session_get_stream_remote_window_size(s->of->h2, s->id) <= 0;
}

void stream_look(struct stream *s, uint64_t now_ms)
{
	const uint64_t least =
		(uint64_t)CONNECTION_RATE_SECONDS * s->of->shared->limits.bytes_per_second;
	const bool comes_slowly = s->came - s->came_mark < least;
	const bool leaves_slowly = s->left - s->left_mark < least;

	if (s->has_left) {
		stream_linger(s, now_ms);
		return;
	}
	if (!s->has_head || now_ms - s->looked_ms < CONNECTION_RATE_SECONDS * 1000)
		return;
	s->looked_ms = now_ms;
	s->came_mark = s->came;
	s->left_mark = s->left;
	if (leaves_slowly && stream_is_stuck(s)) {
		s->of->shared->refused[REFUSAL_READS_SLOWLY]++;
		stream_reset(s, STREAM_CALM);
	} else if (comes_slowly && !s->has_ended && !s->is_patient && s->unconsumed == 0 &&
		!s->is_finished && !s->is_handled) {
		if (s->is_service) {
			s->of->shared->refused[REFUSAL_BODY_SLOW]++;
			stream_reset(s, STREAM_CALM);
		} else {
			stream_refuse(s, REFUSAL_BODY_SLOW,
				"the body came slower than %u bytes a second",
				s->of->shared->limits.bytes_per_second);
		}
	}
}
