// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/stream_take.h"

#include "base/align.h"
#include "ctl/server/http/deadline.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/stream.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BOMB_TIMES  8  // of the bytes that a header may have, and the connection ends
#define FIELD_BYTES      32 // that RFC 9113 counts for each field beside its texts
#define BODY_BYTES_FIRST ((size_t)16 << 10)

// --- The header ----------------------------------------------------------------------------------

static const char *stream_hold_text(const char *value, size_t bytes, char **out)
{
	free(*out);
	*out = strndup(value, bytes);
	return *out;
}

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

void stream_refuse(struct stream *s, enum refusal why, const char *format, ...)
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
	// Debian's curl sleeps for ever on an answer that came before its request had ended, unless a frame follows.
	if (s->has_left)
		nghttp2_submit_ping(s->of->h2, NGHTTP2_FLAG_NONE, NULL);
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
