// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/door.h"

#include "ctl/server/access/access.h"
#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/methods.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the stream's owner is.
struct door {
	struct call *call;
	bool has_answered;
};

#define DOOR_TYPE "application/grpc"

static void door_answer(struct stream *stream)
{
	static const struct stream_field FIELDS[] = { { "content-type", DOOR_TYPE },
		{ "grpc-accept-encoding", "identity" } };
	struct door *door = stream_owner(stream);

	if (door->has_answered)
		return;
	door->has_answered = true;
	stream_answer(stream, FIELDS, sizeof(FIELDS) / sizeof(FIELDS[0]));
}

static void door_send(void *stream, struct evbuffer *message)
{
	door_answer(stream);
	stream_send(stream, message);
	evbuffer_free(message);
}

// With a message before it the status is in trailers, else in the only header.
static void door_finish(
	struct stream *stream, bool has_answered, enum grpc_status status, const char *message)
{
	char number[16];
	const struct stream_field fields[] = { { "content-type", DOOR_TYPE },
		{ "grpc-accept-encoding", "identity" }, { "grpc-status", number },
		{ "grpc-message", message } };
	const size_t first = has_answered ? 2 : 0;

	snprintf(number, sizeof(number), "%d", status);
	stream_finish(stream, fields + first, (message[0] ? 4 : 3) - first);
}

static void door_end(void *stream, enum grpc_status status, const char *message)
{
	const struct door *door = stream_owner(stream);

	door_finish(stream, door->has_answered, status, message);
}

static size_t door_waiting(void *stream)
{
	return stream_unsent(stream);
}

static const struct call_transport TRANSPORT = { door_send, door_end, door_waiting };

static void door_on_open(void *arg, struct stream *stream)
{
	struct http_request *request = stream_request(stream);
	struct server *server = arg;
	struct error why;
	const int refused = access_know(server->access, request, &why);
	const struct call_peer peer = { .who = *http_who(request),
		.refused = refused,
		.why = why.text,
		.is_late = http_is_late(request),
		.serves = http_serves(request),
		.text = http_peer(request) };
	const struct call_head head = { .path = http_path(request),
		.method = methods_find(http_path(request)),
		.timeout = http_header(request, "grpc-timeout"),
		.share = stream_share(stream) };
	struct door *door = calloc(1, sizeof(*door));

	stream_set_owner(stream, door);
	if (!door) {
		door_finish(stream, false, GRPC_INTERNAL, "no memory for a call");
		return;
	}
	door->call = call_open(server, &TRANSPORT, stream, &peer, &head);
	if (!door->call)
		door_finish(stream, false, GRPC_INTERNAL, "no memory for a call");
	else if (head.method && head.method->has_stream)
		stream_set_patient(stream, true);
}

static void door_on_data(struct stream *stream, const uint8_t *data, size_t bytes)
{
	const struct door *door = stream_owner(stream);

	if (door && door->call)
		call_take(door->call, (const char *)data, bytes);
	stream_consume(stream, bytes);
}

static void door_on_end(struct stream *stream)
{
	const struct door *door = stream_owner(stream);

	if (door && door->call)
		call_take_end(door->call);
}

// What may be open for ever ends with its connection: who watches has heard why.
static void door_on_shutdown(struct stream *stream)
{
	const struct door *door = stream_owner(stream);

	if (door && door->call && door->call->method && door->call->method->is_long)
		call_end(door->call, GRPC_UNAVAILABLE, "draining: ask elsewhere");
}

static void door_on_close(struct stream *stream, bool is_cancelled)
{
	struct door *door = stream_owner(stream);

	if (door)
		call_close(door->call);
	free(door);
}

const struct stream_service DOOR_SERVICE = { .on_open = door_on_open,
	.on_data = door_on_data,
	.on_end = door_on_end,
	.on_shutdown = door_on_shutdown,
	.on_close = door_on_close };
