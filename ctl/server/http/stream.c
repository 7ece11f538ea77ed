// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/stream.h"

#include "base/align.h"
#include "ctl/server/http/deadline.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/response.h"
#include "ctl/server/http/stream_state.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BOMB_TIMES   8  // of the bytes that a header may have, and the connection ends
#define FIELD_BYTES       32 // that RFC 9113 counts for each field beside its texts
#define STREAM_FREE_BYTES ((size_t)4 << 10) // of bound.h's, of all but a connection's first stream
#define BODY_BYTES_FIRST  ((size_t)16 << 10)
#define FIELDS_MAX        32 // of an answer or its trailers

// --- Its beginning and end -----------------------------------------------------------------------

static void stream_respond(struct http_request *request, const struct http_response *response);

static struct bound_share stream_new_share(const struct streams *of)
{
	return (struct bound_share){ .bound = &of->shared->bound,
		.taken = of->n > 1 ? BOUND_FREE_BYTES - STREAM_FREE_BYTES : 0 };
}

static struct http_request *stream_new_request(struct stream *s)
{
	const struct connection_peer *peer = s->of->peer;
	struct http_request *request = request_create();

	if (!request)
		return NULL;
	request->uid = peer->uid;
	request->is_admitted = peer->is_admitted;
	request->is_late = peer->is_late;
	request->serves = peer->serves;
	request->peer = peer->text;
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

static void stream_wake(const struct stream *s)
{
	s->of->wake(s->of->session);
}

static const char *stream_hold_text(const char *value, size_t bytes, char **out)
{
	free(*out);
	*out = strndup(value, bytes);
	return *out;
}

// --- The header ----------------------------------------------------------------------------------

// Writes the first line, and Host, once the fields that they are made of have come.
static void stream_begin_head(struct stream *s)
{
	if (evbuffer_get_length(s->head) > 0)
		return;
	evbuffer_add_printf(
		s->head, "%s %s HTTP/1.1\r\n", s->method ? s->method : "", s->path ? s->path : "");
	if (s->authority)
		evbuffer_add_printf(s->head, "host: %s\r\n", s->authority);
}

bool stream_take_field(
	struct stream *s, const char *name, size_t name_bytes, const char *value, size_t bytes)
{
	const size_t max = s->of->shared->limits.head_bytes;

	s->head_bytes += name_bytes + bytes + FIELD_BYTES;
	if (s->head_bytes > max)
		return s->head_bytes <= HEAD_BOMB_TIMES * max;
	if (s->has_head) // trailers
		return true;
	if (name_bytes == 7 && memcmp(name, ":method", 7) == 0)
		return stream_hold_text(value, bytes, &s->method);
	if (name_bytes == 5 && memcmp(name, ":path", 5) == 0)
		return stream_hold_text(value, bytes, &s->path);
	if (name_bytes == 10 && memcmp(name, ":authority", 10) == 0)
		return stream_hold_text(value, bytes, &s->authority);
	if (name[0] == ':' || (s->authority && name_bytes == 4 && memcmp(name, "host", 4) == 0))
		return true;
	stream_begin_head(s);
	return evbuffer_add(s->head, name, name_bytes) == 0 &&
		evbuffer_add(s->head, ": ", 2) == 0 && evbuffer_add(s->head, value, bytes) == 0 &&
		evbuffer_add(s->head, "\r\n", 2) == 0;
}

__attribute__((format(printf, 3, 4))) static void stream_refuse(
	struct stream *s, enum refusal why, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	s->of->shared->refused[why]++;
	http_fail(s->request, refusal_status(why), "%s", text);
}

bool stream_type_fits(const char *type)
{
	static const char GRPC[] = "application/grpc", PROTO[] = "+proto";

	if (!type || strncasecmp(type, GRPC, strlen(GRPC)) != 0)
		return false;
	type += strlen(GRPC);
	if (strncasecmp(type, PROTO, strlen(PROTO)) == 0)
		type += strlen(PROTO);
	return !type[0] || strchr("; \t", type[0]);
}

static bool stream_is_of_service(const struct stream *s)
{
	return s->of->shared->service && http_method(s->request) == HTTP_POST &&
		stream_type_fits(http_header(s->request, "content-type"));
}

// Whether the body is to be read at all, as far as its route is concerned.
static bool stream_asks_route(struct stream *s)
{
	const struct connection_shared *shared = s->of->shared;
	bool takes;

	s->is_handled = true;
	takes = !shared->on_head || shared->on_head(shared->arg, s->request);
	if (takes)
		s->is_handled = false;
	return takes;
}

// A body is announced, or has as many bytes already.
static bool stream_takes_body(struct stream *s, uint64_t bytes)
{
	const struct bound *bound = &s->of->shared->bound;

	if (bytes > s->of->peer->body_bytes) {
		stream_refuse(s, REFUSAL_BODY_LARGE, "the body is too large: it may have %zu bytes",
			s->of->peer->body_bytes);
		return false;
	}
	if (s->request->head.body_bytes < bytes)
		s->request->head.body_bytes = bytes;
	if ((bytes > BOUND_FREE_BYTES || s->request->head.expects_continue) &&
		!stream_asks_route(s))
		return false;
	if (bound_share_admits(&s->request->share, (size_t)bytes))
		return true;
	stream_refuse(s, REFUSAL_BODIES_FULL,
		"uploads under way hold %zu of the %zu MiB that control.upload_megabytes allows "
		"them together: try again later",
		bound->held >> 20, bound->max >> 20);
	return false;
}

static void stream_begin_body(struct stream *s)
{
	const nghttp2_nv go_on = { (uint8_t *)":status", (uint8_t *)"100", 7, 3,
		NGHTTP2_NV_FLAG_NONE };
	struct http_request *request = s->request;
	const uint64_t bytes = request->head.body_bytes;

	if (!stream_takes_body(s, bytes))
		return;
	if (bytes > 0 && !request_make_body(request, (size_t)bytes)) {
		stream_refuse(
			s, REFUSAL_NO_MEMORY, "no memory for a body of %zu bytes", (size_t)bytes);
		return;
	}
	s->room = (size_t)bytes;
	if (request->head.expects_continue)
		nghttp2_submit_headers(s->of->h2, NGHTTP2_FLAG_NONE, s->id, NULL, &go_on, 1, NULL);
}

void stream_take_head(struct stream *s, bool is_last)
{
	struct streams *of = s->of;
	enum refusal why;
	struct error err;
	int rc;

	s->looked_ms = deadline_now_ms();
	s->has_head = true;
	s->has_ended = is_last;
	if (s->head_bytes > of->shared->limits.head_bytes) {
		stream_refuse(s, REFUSAL_HEAD_LARGE,
			"the header is too large: it may have %u bytes",
			of->shared->limits.head_bytes);
		return;
	}
	stream_begin_head(s);
	evbuffer_add(s->head, "\r\n", 2);
	// A line of HTTP/1.1 is shorter than what is counted of a field, but the first one.
	parser_begin(&s->request->head, PARSER_HEAD_BYTES_MAX, false);
	rc = request_read_head(s->request, s->head, &why, &err);
	if (rc < 0)
		stream_refuse(s, why, "%s", err.text);
	else if (rc == 0 || evbuffer_get_length(s->head) > 0)
		stream_refuse(s, REFUSAL_MALFORMED, "a header field has the end of a line in it");
	else if (stream_is_of_service(s)) {
		s->is_service = true;
		of->shared->service->on_open(of->shared->service_arg, s);
		if (is_last)
			of->shared->service->on_end(s);
	} else if (is_last) {
		s->is_handled = true;
		of->shared->on_request(of->shared->arg, s->request);
	} else {
		stream_begin_body(s);
	}
}

// --- The body ------------------------------------------------------------------------------------

// A body whose length was not said grows by doubling.
static bool stream_make_room(struct stream *s, size_t bytes)
{
	struct http_request *request = s->request;
	size_t room = s->room ? s->room : BODY_BYTES_FIRST;
	char *body;

	if (bytes <= s->room)
		return true;
	while (room < bytes)
		room *= 2;
	body = aligned_alloc(64, align_up(room + 1, 64));
	if (!body)
		return false;
	if (request->body)
		memcpy(body, request->body, request->got);
	free(request->body);
	request->body = body;
	s->room = room;
	return true;
}

static void stream_add_body(struct stream *s, const uint8_t *data, size_t bytes)
{
	struct http_request *request = s->request;
	const size_t before = request->got, after = before + bytes;

	if (!request->head.has_length &&
		(after > s->of->peer->body_bytes ||
			(before <= BOUND_FREE_BYTES && after > BOUND_FREE_BYTES)) &&
		!stream_takes_body(s, after))
		return;
	if (!bound_share_admits(&request->share, after)) {
		stream_refuse(s, REFUSAL_BODIES_FULL,
			"uploads under way hold all of the %zu MiB that control.upload_megabytes "
			"allows them together: try again later",
			s->of->shared->bound.max >> 20);
		return;
	}
	if (!stream_make_room(s, after)) {
		stream_refuse(s, REFUSAL_NO_MEMORY, "no memory for a body of %zu bytes", after);
		return;
	}
	memcpy(request->body + before, data, bytes);
	request->got = after;
	bound_share_set(&request->share, after);
}

void stream_take_data(struct stream *s, const uint8_t *data, size_t bytes)
{
	s->came += bytes;
	if (s->is_service && !s->is_finished && !s->is_reset) {
		s->unconsumed += bytes;
		s->of->shared->service->on_data(s, data, bytes);
		return;
	}
	if (s->request && !s->is_handled && !s->is_service)
		stream_add_body(s, data, bytes);
	nghttp2_session_consume(s->of->h2, s->id, bytes);
}

void stream_take_end(struct stream *s)
{
	struct http_request *request = s->request;

	s->has_ended = true;
	if (s->is_service) {
		s->of->shared->service->on_end(s);
		return;
	}
	if (!request || s->is_handled)
		return;
	request->body_bytes = request->got;
	request->head.body_bytes = request->got;
	if (request->body)
		request->body[request->got] = '\0';
	s->is_handled = true;
	s->of->shared->on_request(s->of->shared->arg, request);
}

// --- The answer ----------------------------------------------------------------------------------

static nghttp2_nv stream_field(const char *name, size_t name_bytes, const char *value, size_t bytes)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, name_bytes, bytes,
		NGHTTP2_NV_FLAG_NONE };
}

// Called by nghttp2 when there is a window for bytes.
static ssize_t stream_on_window(nghttp2_session *h2, int32_t id, uint8_t *to, size_t room,
	uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct stream *s = source->ptr;
	const struct stream_service *service = s->of->shared->service;
	size_t left;
	int n;

	if (evbuffer_get_length(s->out) == 0 && s->is_service && !s->is_finished &&
		service->on_drain)
		service->on_drain(s); // which may send more
	n = evbuffer_remove(s->out, to, room);
	left = evbuffer_get_length(s->out);
	bound_share_set(&s->out_share, left);
	s->left += n > 0 ? (size_t)n : 0;
	if (left == 0 && s->is_finished) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->n_trailers > 0 &&
			nghttp2_submit_trailer(h2, id, s->trailers, s->n_trailers) == 0)
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		return n > 0 ? n : 0;
	}
	if (n > 0)
		return n;
	s->is_deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

static void stream_begin_answer(struct stream *s, const nghttp2_nv *fields, size_t n, bool has_body)
{
	const nghttp2_data_provider from = { .source.ptr = s, .read_callback = stream_on_window };

	s->is_answered = true;
	if (nghttp2_submit_response(s->of->h2, s->id, fields, n, has_body ? &from : NULL) != 0)
		stream_reset(s, STREAM_INTERNAL_ERROR);
	stream_wake(s);
}

static void stream_go_on(struct stream *s)
{
	if (!s->is_deferred)
		return;
	s->is_deferred = false;
	nghttp2_session_resume_data(s->of->h2, s->id);
	stream_wake(s);
}

// The lines that a handler added: "Allow: GET\r\n", in lower case here.
static size_t stream_take_lines(struct http_request *request, nghttp2_nv *fields, size_t n)
{
	char *line = request->headers, *const end = line + request->header_bytes;

	while (line < end && n < FIELDS_MAX) {
		char *stop = memchr(line, '\r', (size_t)(end - line));
		char *colon = memchr(line, ':', (size_t)(end - line));

		for (char *c = line; c < colon; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c |= 0x20;
		fields[n++] = stream_field(
			line, (size_t)(colon - line), colon + 2, (size_t)(stop - colon - 2));
		line = stop + 2;
	}
	return n;
}

static void stream_write_response(
	struct stream *s, struct http_request *request, const struct http_response *response)
{
	const size_t bytes = response_bytes(response);
	const bool has_body = bytes > 0 && request->head.method != HTTP_HEAD;
	const char *date = response_date();
	nghttp2_nv fields[FIELDS_MAX];
	char status[8], length[24];
	size_t n = 0;

	fields[n++] = stream_field(":status", 7, status,
		(size_t)snprintf(status, sizeof(status), "%d", response->status));
	fields[n++] = stream_field("date", 4, date, strlen(date));
	fields[n++] = stream_field("content-type", 12, response->type, strlen(response->type));
	fields[n++] = stream_field("content-length", 14, length,
		(size_t)snprintf(length, sizeof(length), "%zu", bytes));
	n = stream_take_lines(request, fields, n);
	if (has_body &&
		(response->buffer ? evbuffer_add_buffer(s->out, response->buffer)
				  : evbuffer_add(s->out, response->text, bytes)) != 0) {
		stream_reset(s, STREAM_INTERNAL_ERROR);
		return;
	}
	s->is_finished = true;
	if (has_body)
		bound_share_set(&s->out_share, bytes);
	stream_begin_answer(s, fields, n, has_body);
}

static void stream_respond(struct http_request *request, const struct http_response *response)
{
	struct stream *s = request->stream;

	if (s &&
		!response_has_room(s->of->shared, s->of->peer, request,
			s->out_share.taken + response_bytes(response))) {
		response_refuse(s->of->shared, request, response);
		return;
	}
	if (s) {
		s->request = NULL;
		s->looked_ms = deadline_now_ms();
		stream_write_response(s, request, response);
	}
	if (response->buffer)
		evbuffer_free(response->buffer);
	request_destroy(request);
}

// --- For services --------------------------------------------------------------------------------

const struct http_request *stream_request(const struct stream *s)
{
	return s->request;
}

size_t stream_body_bytes_max(const struct stream *s)
{
	return s->of->peer->body_bytes;
}

void stream_set_owner(struct stream *s, void *owner)
{
	s->owner = owner;
}

void *stream_owner(const struct stream *s)
{
	return s->owner;
}

void stream_consume(struct stream *s, size_t bytes)
{
	bytes = bytes < s->unconsumed ? bytes : s->unconsumed;
	s->unconsumed -= bytes;
	nghttp2_session_consume(s->of->h2, s->id, bytes);
	stream_wake(s);
}

struct bound_share stream_share(const struct stream *s)
{
	return (struct bound_share){ .bound = s->request->share.bound,
		.taken = s->request->share.taken };
}

void stream_set_patient(struct stream *s, bool is_patient)
{
	s->is_patient = is_patient;
	s->came_mark = s->came;
	s->looked_ms = deadline_now_ms();
}

static size_t stream_fields(nghttp2_nv *out, const struct stream_field *fields, size_t n)
{
	n = n < FIELDS_MAX - 1 ? n : FIELDS_MAX - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = stream_field(fields[i].name, strlen(fields[i].name), fields[i].value,
			strlen(fields[i].value));
	return n;
}

static void stream_answer_with(
	struct stream *s, const struct stream_field *fields, size_t n, bool has_body)
{
	nghttp2_nv all[FIELDS_MAX];

	all[0] = stream_field(":status", 7, "200", 3);
	n = 1 + stream_fields(all + 1, fields, n);
	stream_begin_answer(s, all, n, has_body);
}

void stream_answer(struct stream *s, const struct stream_field *fields, size_t n)
{
	if (!s->is_answered && !s->is_finished && !s->is_reset)
		stream_answer_with(s, fields, n, true);
}

void stream_send(struct stream *s, struct evbuffer *bytes)
{
	if (s->is_finished || s->is_reset) {
		evbuffer_drain(bytes, evbuffer_get_length(bytes));
		return;
	}
	if (evbuffer_get_length(s->out) == 0) {
		s->left_mark = s->left;
		s->looked_ms = deadline_now_ms();
	}
	if (evbuffer_add_buffer(s->out, bytes) != 0) {
		stream_reset(s, STREAM_INTERNAL_ERROR);
		return;
	}
	bound_share_set(&s->out_share, evbuffer_get_length(s->out));
	stream_go_on(s);
}

// Trailers wait for the bytes before them: they are kept, with their texts behind them.
static bool stream_keep_trailers(struct stream *s, const struct stream_field *fields, size_t n)
{
	nghttp2_nv trailers[FIELDS_MAX];
	size_t bytes = 0;
	uint8_t *text;

	n = stream_fields(trailers, fields, n);
	for (size_t i = 0; i < n; i++)
		bytes += trailers[i].namelen + trailers[i].valuelen;
	s->trailers = malloc(n * sizeof(*trailers) + bytes);
	if (!s->trailers)
		return false;
	text = (uint8_t *)(s->trailers + n);
	for (size_t i = 0; i < n; i++) {
		trailers[i].name = memcpy(text, trailers[i].name, trailers[i].namelen);
		text += trailers[i].namelen;
		trailers[i].value = memcpy(text, trailers[i].value, trailers[i].valuelen);
		text += trailers[i].valuelen;
		s->trailers[i] = trailers[i];
	}
	s->n_trailers = n;
	return true;
}

void stream_finish(struct stream *s, const struct stream_field *fields, size_t n)
{
	if (s->is_finished || s->is_reset)
		return;
	s->is_finished = true;
	if (!s->is_answered)
		stream_answer_with(s, fields, n, false);
	else if (stream_keep_trailers(s, fields, n))
		stream_go_on(s);
	else
		stream_reset(s, STREAM_INTERNAL_ERROR);
}

size_t stream_unsent(const struct stream *s)
{
	return evbuffer_get_length(s->out);
}

void stream_reset(struct stream *s, enum stream_reset why)
{
	if (s->is_reset || s->has_left)
		return;
	s->is_reset = true;
	nghttp2_submit_rst_stream(s->of->h2, NGHTTP2_FLAG_NONE, s->id, (uint32_t)why);
	stream_wake(s);
}

bool stream_is_draining(const struct stream *s)
{
	return s->of->is_draining;
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
