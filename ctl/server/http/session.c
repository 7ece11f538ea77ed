// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/session.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/frame_cut.h"
#include "ctl/server/http/stream.h"
#include "ctl/server/http/stream_life.h"
#include "ctl/server/http/stream_take.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_BYTES_MAX ((size_t)256 << 10) // with more to be sent no other frame is made
#define PIECE_BYTES      256                 // a few requests; twice as much after each without any
#define STREAM_WINDOW    (1 << 20)
#define SESSION_WINDOW   (4 << 20)
#define FRAMES_A_SECOND  100  // that ask for nothing
#define FRAMES_BURST     1000 // ... and as many at once
#define FRAMES_PER_DATA                                                                            \
	2 // more for each DATA frame: windows are opened, and round trips measured, by them
#define RESETS_BURST  10   // seconds' worth of resets at once
#define ACKS_MAX      1000 // of SETTINGS and PING, that wait to be sent
#define SETTINGS_MAX  32   // in a frame
#define CONTINUATIONS 8    // of a header
#define DRAIN_MS      1000
#define KEEPALIVE_MS  30000 // of silence, and a PING asks whether somebody is there

// Of the PING whose answer says that the peer knows of the drain.
static const uint8_t DRAIN_PING[8] = { 'd', 'r', 'a', 'i', 'n' };

// So many are allowed at once, and so many a second.
struct session_budget {
	uint32_t left, burst, a_second;
	uint64_t filled_ms;
};

enum session_drain { SESSION_SERVES, SESSION_NOTICED, SESSION_DRAINED };

struct session {
	struct streams streams;
	struct session_budget frames, resets;
	struct frame_cut cut;
	int32_t opened; // the last stream that the peer opened
	enum session_drain drain;
	bool has_asked;    // a stream was opened
	uint32_t asked;    // so many, since it was set to 0
	bool has_refused;  // GOAWAY with an error was counted
	bool has_failed;   // nothing more is read
	bool is_pinged;    // ... and has not answered yet
	uint64_t moved_ms; // bytes came
	uint64_t pinged_ms;
	uint64_t drain_ms; // when the notice was given
	uint64_t head_ms;  // a header began to come; 0: none is coming
};

static void session_fill(struct session_budget *budget, uint64_t now)
{
	const uint64_t more = (now - budget->filled_ms) * budget->a_second / 1000;

	if (more == 0)
		return;
	budget->filled_ms = now;
	budget->left =
		budget->left + more < budget->burst ? budget->left + (uint32_t)more : budget->burst;
}

static bool session_spend(struct session_budget *budget)
{
	session_fill(budget, deadline_now_ms());
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}

static void session_earn(struct session_budget *budget, uint32_t n)
{
	budget->left = budget->left + n < budget->burst ? budget->left + n : budget->burst;
}

// --- Its end -------------------------------------------------------------------------------------

void session_stop(struct session *s)
{
	nghttp2_session_terminate_session(s->streams.h2, NGHTTP2_NO_ERROR);
}

void session_refuse(struct session *s, enum refusal why)
{
	if (s->has_refused)
		return;
	s->has_refused = true;
	s->has_failed = true;
	s->streams.shared->refused[why]++;
	nghttp2_session_terminate_session(s->streams.h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

// --- What comes ----------------------------------------------------------------------------------

static struct stream *session_stream(nghttp2_session *h2, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(h2, id) : NULL;
}

static int session_on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
	struct session *s = arg;
	struct stream *stream;

	s->head_ms = deadline_now_ms();
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s->opened = frame->hd.stream_id;
	stream = stream_create(&s->streams, frame->hd.stream_id);
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	s->has_asked = true;
	s->asked++;
	nghttp2_session_set_stream_user_data(h2, frame->hd.stream_id, stream);
	return 0;
}

static int session_on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_bytes, const uint8_t *value, size_t bytes, uint8_t flags, void *arg)
{
	struct stream *stream = session_stream(h2, frame->hd.stream_id);

	if (!stream ||
		stream_take_field(
			stream, (const char *)name, name_bytes, (const char *)value, bytes))
		return 0;
	session_refuse(arg, REFUSAL_HEAD_LARGE);
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

// A field that breaks the rules makes its request malformed.
static int session_on_invalid_header(nghttp2_session *h2, const nghttp2_frame *frame,
	const uint8_t *name, size_t name_bytes, const uint8_t *value, size_t bytes, uint8_t flags,
	void *arg)
{
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int session_on_begin_frame(nghttp2_session *h2, const nghttp2_frame_hd *head, void *arg)
{
	struct session *s = arg;
	bool fine = true;

	switch (head->type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION:
		return 0;
	case NGHTTP2_DATA:
		if (head->length == 0 && !(head->flags & NGHTTP2_FLAG_END_STREAM))
			fine = session_spend(&s->frames);
		break;
	case NGHTTP2_RST_STREAM:
		if (session_spend(&s->resets))
			return 0;
		session_refuse(s, REFUSAL_RESETS);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	default:
		fine = session_spend(&s->frames);
	}
	if (fine)
		return 0;
	session_refuse(s, REFUSAL_FLOOD);
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void session_end_drain(struct session *s)
{
	if (s->drain != SESSION_NOTICED)
		return;
	s->drain = SESSION_DRAINED;
	nghttp2_submit_goaway(s->streams.h2, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(s->streams.h2), NGHTTP2_NO_ERROR, NULL, 0);
}

static int session_on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
	struct session *s = arg;
	struct stream *stream = session_stream(h2, frame->hd.stream_id);
	const bool is_last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK) {
		s->is_pinged = false;
		if (memcmp(frame->ping.opaque_data, DRAIN_PING, sizeof(DRAIN_PING)) == 0)
			session_end_drain(s);
	}
	if (frame->hd.type == NGHTTP2_HEADERS)
		s->head_ms = 0;
	if (frame->hd.type == NGHTTP2_DATA && frame->hd.length == frame->data.padlen &&
		frame->hd.length > 0 && !is_last && !session_spend(&s->frames)) {
		session_refuse(s, REFUSAL_FLOOD);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	if (!stream)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		stream_take_head(stream, is_last);
	else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && is_last)
		stream_take_end(stream);
	return 0;
}

static int session_on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data,
	size_t bytes, void *arg)
{
	struct session *s = arg;
	struct stream *stream = session_stream(h2, id);

	session_earn(&s->frames, bytes > 1024 ? FRAMES_PER_DATA : 0);
	if (stream)
		stream_take_data(stream, data, bytes);
	else
		nghttp2_session_consume(h2, id, bytes);
	return 0;
}

static int session_on_close(nghttp2_session *h2, int32_t id, uint32_t code, void *arg)
{
	struct session *s = arg;
	struct stream *stream = session_stream(h2, id);

	if (!stream)
		return 0;
	if (!stream->has_head)
		s->head_ms = 0;
	nghttp2_session_set_stream_user_data(h2, id, NULL);
	stream_destroy(stream);
	return 0;
}

// --- What goes -----------------------------------------------------------------------------------

static void session_count_goaway(struct session *s, uint32_t code)
{
	enum refusal why = REFUSAL_MALFORMED;

	if (code == NGHTTP2_NO_ERROR || s->has_refused)
		return;
	s->has_refused = true;
	if (code == NGHTTP2_ENHANCE_YOUR_CALM)
		why = REFUSAL_FLOOD;
	else if (code == NGHTTP2_INTERNAL_ERROR)
		why = REFUSAL_RESETS; // as nghttp2 answers too many of them
	s->streams.shared->refused[why]++;
}

// Resets that a peer makes us send count as those that it sends: either way a request was begun for nothing.
static void session_count_reset(struct session *s, uint32_t code)
{
	if (code == NGHTTP2_REFUSED_STREAM)
		s->streams.shared->refused[REFUSAL_STREAMS]++;
	else if (code == NGHTTP2_NO_ERROR || code == NGHTTP2_ENHANCE_YOUR_CALM)
		return;
	else if (code != NGHTTP2_CANCEL && code != NGHTTP2_INTERNAL_ERROR)
		s->streams.shared->refused[REFUSAL_MALFORMED]++;
	if (!session_spend(&s->resets))
		session_refuse(s, REFUSAL_RESETS);
}

static int session_on_sent(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
	struct session *s = arg;
	struct stream *stream = session_stream(h2, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_GOAWAY)
		session_count_goaway(s, frame->goaway.error_code);
	// Behind the notice: nghttp2 would send it before.
	if (frame->hd.type == NGHTTP2_GOAWAY && s->drain == SESSION_NOTICED)
		nghttp2_submit_ping(h2, NGHTTP2_FLAG_NONE, DRAIN_PING);
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		session_count_reset(s, frame->rst_stream.error_code);
	if (frame->hd.type == NGHTTP2_DATA)
		session_earn(&s->frames, FRAMES_PER_DATA);
	if (!stream || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
		!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	stream_note_left(stream);
	return 0;
}

// --- Its beginning -------------------------------------------------------------------------------

// Frames of kinds that we do not know are passed over (RFC 9113, 5.5), after they were counted as the others are:
// nghttp2 begins none that nobody wants.
static int session_on_extension(
	nghttp2_session *h2, void **payload, const nghttp2_frame_hd *head, void *arg)
{
	return NGHTTP2_ERR_CANCEL;
}

static nghttp2_session *session_make(struct session *s, const struct connection_limits *limits)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	nghttp2_session *h2 = NULL;

	if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
		nghttp2_session_callbacks_del(callbacks);
		return NULL;
	}
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		callbacks, session_on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, session_on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(
		callbacks, session_on_invalid_header);
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, session_on_begin_frame);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, session_on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, session_on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, session_on_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, session_on_sent);
	nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, session_on_extension);
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; type++)
		nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
	nghttp2_option_set_max_settings(option, SETTINGS_MAX);
#ifdef HAS_NGHTTP2_LIMITS
	nghttp2_option_set_max_continuations(option, CONTINUATIONS);
	nghttp2_option_set_stream_reset_rate_limit(
		option, s->resets.burst, limits->resets_per_second);
#endif
	nghttp2_session_server_new2(&h2, callbacks, s, option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return h2;
}

struct session *session_create(struct connection_shared *shared, struct connection_peer *peer,
	void (*wake)(void *arg), void *arg)
{
	const struct connection_limits *limits = &shared->limits;
	const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
							    limits->streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_bytes },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 } };
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->moved_ms = deadline_now_ms();
	frame_cut_init(&s->cut, SESSION_PREFACE_BYTES);
	s->frames = (struct session_budget){ .left = FRAMES_BURST,
		.burst = FRAMES_BURST,
		.a_second = FRAMES_A_SECOND,
		.filled_ms = s->moved_ms };
	s->resets = (struct session_budget){ .left = RESETS_BURST * limits->resets_per_second,
		.burst = RESETS_BURST * limits->resets_per_second,
		.a_second = limits->resets_per_second,
		.filled_ms = s->moved_ms };
	s->streams =
		(struct streams){ .shared = shared, .peer = peer, .wake = wake, .session = arg };
	LIST_INIT(&s->streams.all);
	s->streams.h2 = session_make(s, limits);
	if (!s->streams.h2 ||
		nghttp2_submit_settings(s->streams.h2, NGHTTP2_FLAG_NONE, settings,
			sizeof(settings) / sizeof(settings[0])) != 0 ||
		nghttp2_session_set_local_window_size(
			s->streams.h2, NGHTTP2_FLAG_NONE, 0, SESSION_WINDOW) != 0) {
		session_destroy(s);
		return NULL;
	}
	if (shared->is_draining)
		session_drain(s);
	return s;
}

void session_destroy(struct session *s)
{
	struct stream *stream;

	if (!s)
		return;
	while ((stream = LIST_FIRST(&s->streams.all)) != NULL) {
		nghttp2_session_set_stream_user_data(s->streams.h2, stream->id, NULL);
		stream_destroy(stream);
	}
	nghttp2_session_del(s->streams.h2);
	free(s);
}

// --- Bytes ---------------------------------------------------------------------------------------

// Streams of the peer's have odd numbers.
static bool session_is_unopened(const struct session *s, int32_t id)
{
	return id % 2 == 1 && id > s->opened;
}

// Bytes that were taken, or an error of nghttp2's.
static ssize_t session_take(struct session *s, const uint8_t *data, size_t bytes)
{
	struct frame_piece piece;
	const size_t taken = frame_cut_next(&s->cut, data, bytes, &piece);
	ssize_t n = 0;

	if (!session_is_unopened(s, piece.reset))
		n = nghttp2_session_mem_recv(s->streams.h2, piece.at, piece.size);
	else if (!session_spend(&s->resets))
		session_refuse(s, REFUSAL_RESETS);
	return n < 0 ? n : (ssize_t)taken;
}

bool session_read(struct session *s, struct evbuffer *input, uint32_t *quota)
{
	size_t piece = PIECE_BYTES;

	s->moved_ms = deadline_now_ms();
	for (; evbuffer_get_length(input) > 0 && *quota > 0;
		piece = s->asked ? PIECE_BYTES : piece * 2) {
		const size_t ahead = evbuffer_get_contiguous_space(input);
		const size_t bytes = ahead < piece ? ahead : piece;
		const uint8_t *data = evbuffer_pullup(input, (ev_ssize_t)bytes);
		ssize_t n;

		s->asked = 0;
		n = s->has_failed ? (ssize_t)bytes : session_take(s, data, bytes);
		*quota -= s->asked < *quota ? s->asked : *quota;
		if (n >= 0) {
			evbuffer_drain(input, (size_t)n);
			continue;
		}
		if (n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
			session_refuse(s, REFUSAL_FLOOD);
		else
			session_refuse(s, REFUSAL_MALFORMED); // where no callback said why
		s->has_failed = true;
	}
	return evbuffer_get_length(input) == 0;
}

bool session_write(struct session *s, struct evbuffer *output)
{
	while (evbuffer_get_length(output) < OUTPUT_BYTES_MAX) {
		const uint8_t *data;
		const ssize_t n = nghttp2_session_mem_send(s->streams.h2, &data);

		if (n < 0 || (n > 0 && evbuffer_add(output, data, (size_t)n) != 0))
			return false;
		if (n == 0)
			break;
	}
	return nghttp2_session_want_read(s->streams.h2) ||
		nghttp2_session_want_write(s->streams.h2);
}

void session_end(struct session *s)
{
	struct stream *stream;

	s->has_failed = true;
	LIST_FOREACH(stream, &s->streams.all, next)
	if (!stream->has_ended || stream->is_patient)
		stream_reset(stream, STREAM_CANCEL);
	nghttp2_submit_goaway(s->streams.h2, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(s->streams.h2), NGHTTP2_NO_ERROR, NULL, 0);
}

void session_drain(struct session *s)
{
	const struct stream_service *service = s->streams.shared->service;
	struct stream *stream, *next;

	if (s->drain != SESSION_SERVES)
		return;
	s->drain = SESSION_NOTICED;
	s->drain_ms = deadline_now_ms();
	s->streams.is_draining = true;
	nghttp2_submit_shutdown_notice(s->streams.h2);
	for (stream = LIST_FIRST(&s->streams.all); stream; stream = next) {
		next = LIST_NEXT(stream, next);
		if (stream->is_service && service->on_shutdown)
			service->on_shutdown(stream);
	}
	s->streams.wake(s->streams.session);
}

// --- Times ---------------------------------------------------------------------------------------

void session_look(struct session *s)
{
	const uint64_t now = deadline_now_ms();
	struct stream *stream;

	if (s->head_ms && now - s->head_ms >= s->streams.shared->limits.head_seconds * 1000) {
		session_refuse(s, REFUSAL_HEAD_SLOW);
		return;
	}
	if (s->drain == SESSION_NOTICED && now - s->drain_ms >= DRAIN_MS)
		session_end_drain(s);
	LIST_FOREACH(stream, &s->streams.all, next)
	stream_look(stream, now);
	if (s->is_pinged && now - s->pinged_ms >= KEEPALIVE_MS) {
		session_refuse(s, REFUSAL_IDLE);
	} else if (!s->is_pinged && now - s->moved_ms >= KEEPALIVE_MS) {
		s->is_pinged = true;
		s->pinged_ms = now;
		nghttp2_submit_ping(s->streams.h2, NGHTTP2_FLAG_NONE, NULL);
	}
}

// The busiest of its streams' phases, as who may be closed for others is judged by.
enum connection_phase session_phase(const struct session *s)
{
	static const uint8_t BUSY[] = { [CONNECTION_IDLE] = 0,
		[CONNECTION_HEAD] = 1,
		[CONNECTION_BODY] = 2,
		[CONNECTION_WRITING] = 3,
		[CONNECTION_HANDLING] = 4 };
	enum connection_phase busiest = CONNECTION_IDLE;
	const struct stream *stream;

	if (s->drain == SESSION_NOTICED)
		return CONNECTION_HANDLING;
	LIST_FOREACH(stream, &s->streams.all, next)
	{
		const enum connection_phase phase = stream_phase(stream);

		if (BUSY[phase] > BUSY[busiest])
			busiest = phase;
		if (busiest == CONNECTION_HANDLING)
			break;
	}
	return busiest == CONNECTION_IDLE && !s->has_asked ? CONNECTION_NEW : busiest;
}

bool session_has_streams(const struct session *s)
{
	return s->streams.n > 0 || s->drain == SESSION_NOTICED;
}
