// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/stream.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/response.h"
#include "ctl/server/http/stream_state.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 32 // of an answer or its trailers

void stream_wake(const struct stream *s)
{
	s->of->wake(s->of->session);
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

void stream_respond(struct http_request *request, const struct http_response *response)
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

struct http_request *stream_request(const struct stream *s)
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
