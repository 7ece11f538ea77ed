// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/call.h"

#include "base/clock.h"
#include "config/settings.h"
#include "ctl/server/access/access.h"
#include "ctl/server/audited.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/request.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// --- Answers -------------------------------------------------------------------------------------

// Who is asked for the call's answer need not give it any more.
static void call_give_up(struct call *call)
{
	if (call->request)
		call->request->stream = NULL;
	call->request = NULL;
	if (call->cancelled)
		atomic_store(call->cancelled, true);
	call->cancelled = NULL;
	frames_fini(&call->frames);
	if (call->leave)
		call->leave(call);
}

void call_end(struct call *call, enum grpc_status status, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 256], message[GRPC_MESSAGE_BYTES];
	va_list args;

	if (call->has_ended)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call->has_ended = true;
	call_give_up(call);
	if (call->timer)
		event_del(call->timer);
	grpc_message_encode(text, message);
	if (status != GRPC_OK)
		log_debug("grpc: %s, by %s: %d %s", call->method ? call->method->path : "a call",
			call->peer.text, status, text);
	call->transport->end(call->stream, status, message);
}

static void call_send_buffer(struct call *call, struct evbuffer *message)
{
	call->transport->send(call->stream, message);
}

void call_send(struct call *call, const char *message, size_t size)
{
	struct evbuffer *buffer = evbuffer_new();
	char prefix[FRAMES_PREFIX_BYTES];

	if (call->has_ended) {
		if (buffer)
			evbuffer_free(buffer);
		return;
	}
	frames_prefix(prefix, size);
	if (!buffer || evbuffer_add(buffer, prefix, sizeof(prefix)) != 0 ||
		evbuffer_add(buffer, message, size) != 0) {
		if (buffer)
			evbuffer_free(buffer);
		call_end(call, GRPC_INTERNAL, "no memory for the answer");
		return;
	}
	call_send_buffer(call, buffer);
}

// --- Handlers of REST ----------------------------------------------------------------------------

// A handler replied. A buffer is a whole message of gRPC, as infer_call.c makes it; else there is JSON.
static void call_on_reply(struct http_request *request, const struct http_response *response)
{
	struct call *call = request->stream;

	request_destroy(request);
	if (!call) {
		if (response->buffer)
			evbuffer_free(response->buffer);
		return;
	}
	call->request = NULL;
	call->cancelled = NULL;
	if (response->buffer) {
		call_send_buffer(call, response->buffer);
		call_end(call, GRPC_OK, "%s", "");
		return;
	}
	call->reply(call, response->status, response->text, response->bytes);
}

struct http_request *call_request(struct call *call,
	void (*reply)(struct call *call, int status, const char *text, size_t size),
	const char *text)
{
	struct http_request *request = request_create();

	if (request && text && !request_make_body(request, strlen(text))) {
		request_destroy(request);
		request = NULL;
	}
	if (!request) {
		call_end(call, GRPC_INTERNAL, "no memory for the request");
		return NULL;
	}
	if (text)
		memcpy(request->body, text, strlen(text));
	request->who = call->peer.who;
	request->is_late = call->peer.is_late;
	request->serves = call->peer.serves;
	request->peer = call->peer.text;
	request->stream = call;
	request->respond = call_on_reply;
	call->request = request;
	call->reply = reply;
	return request;
}

struct proto_text call_take_message(struct call *call, struct bound_share *share)
{
	const struct proto_text message = { call->frames.message, call->frames.size };

	*share = call->frames.share;
	call->frames.share.held = 0;
	call->frames.message = NULL;
	return message;
}

// --- Deadlines -----------------------------------------------------------------------------------

uint64_t call_left_us(const struct call *call)
{
	const uint64_t taken_us = (clock_ns() - call->begun_ns) / 1000;

	if (call->deadline_us == 0)
		return 0;
	return taken_us < call->deadline_us ? call->deadline_us - taken_us : 1;
}

static void call_on_deadline(int fd, short what, void *arg)
{
	struct call *call = arg;

	call_end(call, GRPC_DEADLINE_EXCEEDED, "the call's deadline of %llu us is over",
		(unsigned long long)call->deadline_us);
}

static void call_set_deadline(struct call *call, const char *timeout)
{
	struct timeval period;
	uint64_t us;

	if (!grpc_timeout_parse(timeout, &us)) {
		call_end(call, GRPC_INVALID_ARGUMENT,
			"grpc-timeout: '%.20s' is none: 1 to 8 digits and one of H, M, S, m, u, n",
			timeout);
		return;
	}
	call->deadline_us = us > 0 ? us : 1;
	if (us == 0) {
		call_on_deadline(-1, 0, call);
		return;
	}
	call->timer = event_new(call->server->base, -1, 0, call_on_deadline, call);
	period = (struct timeval){ .tv_sec = (time_t)(us / 1000000),
		.tv_usec = (suseconds_t)(us % 1000000) };
	if (!call->timer || event_add(call->timer, &period) != 0)
		call_end(call, GRPC_INTERNAL, "no memory for a deadline");
}

// --- Its life ------------------------------------------------------------------------------------

// Whether who asks may.
static void call_check_role(struct call *call)
{
	const struct call_peer *peer = &call->peer;
	struct error why;
	const int status =
		peer->refused ? peer->refused : access_allows(&peer->who, call->method->role, &why);

	if (status == 0)
		return;
	access_count(call->server->gate, status, peer->text, &peer->who);
	audited_note(call->server, peer->who.name[0] ? peer->who.name : "anonymous",
		peer->who.uid == (uid_t)-1 ? peer->text : "unix", call->method->path, status,
		peer->refused ? peer->why : why.text);
	call_end(call, grpc_status_of_http(status), "%s", peer->refused ? peer->why : why.text);
}

static void call_check_method(struct call *call, const char *path)
{
	if (!call->method) {
		gate_count(call->server->gate, REFUSAL_NOT_FOUND);
		call_end(call, GRPC_UNIMPLEMENTED, "there is no method %.200s", path);
	} else if (call->method->service && !(call->method->service & call->peer.serves)) {
		call_end(call, GRPC_PERMISSION_DENIED, "this listener does not serve %s%s",
			call->method->service == ROUTE_MANAGE ? "management" : "inference",
			call->method->service == ROUTE_MANAGE ? ": ask on the UNIX socket" : "");
	} else {
		call_check_role(call);
	}
}

struct call *call_open(struct server *server, const struct call_transport *transport, void *stream,
	const struct call_peer *peer, const struct call_head *head)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->server = server;
	call->transport = transport;
	call->stream = stream;
	call->peer = *peer;
	call->method = head->method;
	call->begun_ns = clock_ns();
	frames_init(&call->frames, server->config->control.message_bytes, &head->share);
	log_debug("grpc: %s, by %s", head->path, peer->text);
	call_check_method(call, head->path);
	if (!call->has_ended && head->timeout)
		call_set_deadline(call, head->timeout);
	return call;
}

static enum grpc_status call_status_of_frame(int code)
{
	switch (code) {
	case -EMSGSIZE:
		return GRPC_RESOURCE_EXHAUSTED;
	case -ENOTSUP:
		return GRPC_UNIMPLEMENTED;
	case -EBUSY:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_INTERNAL;
	}
}

bool call_holds(struct call *call)
{
	if (access_holds(call->server->access, &call->peer.who))
		return true;
	call_end(call, GRPC_UNAUTHENTICATED, "the token is not valid any more");
	return false;
}

static void call_on_message(struct call *call)
{
	const struct proto_text message = { call->frames.message, call->frames.size };

	call->n_messages++;
	if (call->method->has_stream && !call_holds(call))
		return;
	if (!call->method->has_stream)
		return; // it is kept until the client is known to send no other
	call->method->message(call, message);
	if (!call->has_ended)
		frames_next(&call->frames);
}

void call_take(struct call *call, const char *data, size_t size)
{
	struct error err;

	while (!call->has_ended && size > 0) {
		int rc;

		if (call->n_messages > 0 && !call->method->has_stream) {
			call_end(call, GRPC_INTERNAL, "more than one message for %s",
				call->method->path);
			return;
		}
		rc = frames_take(&call->frames, &data, &size, &err);
		if (rc < 0)
			call_end(call, call_status_of_frame(rc), "%s", err.text);
		else if (rc > 0)
			call_on_message(call);
	}
}

void call_take_end(struct call *call)
{
	if (call->has_ended)
		return;
	if (frames_is_amid(&call->frames))
		call_end(call, GRPC_INTERNAL, "the message is cut off");
	else if (!call->method->has_stream && call->n_messages == 0)
		call_end(call, GRPC_INTERNAL, "no message for %s", call->method->path);
	else if (!call->method->has_stream)
		call->method->message(
			call, (struct proto_text){ call->frames.message, call->frames.size });
	else if (call->method->end)
		call->method->end(call);
}

void call_close(struct call *call)
{
	if (!call)
		return;
	call_give_up(call);
	if (call->timer)
		event_free(call->timer);
	free(call->watched);
	free(call);
}
