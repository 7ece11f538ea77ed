// SPDX-License-Identifier: BSD-3-Clause
// A peer that speaks HTTP/2 and sends any frames behind its preface, in pieces: whatever they are, nothing
// of its streams is left behind, and each stream of the service is closed once. The first byte is the size
// of the pieces, the second one what handlers do.
#include "ctl/server/http/connection.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/session.h"
#include "ctl/server/http/stream.h"
#include "tests/fuzz/must.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint8_t deed;
	unsigned open; // of the service's streams
	struct http_request *held[HELD_MAX];
	unsigned n_held;
} handler;

static void on_phase(void *owner)
{
}

static void on_end(void *owner)
{
	*(struct connection **)owner = NULL;
}

static void on_request(void *arg, struct http_request *request)
{
	size_t bytes;
	char *body = http_take_body(request, &bytes);

	must(body && body[bytes] == '\0');
	free(body);
	must(http_path(request)[0] == '/' || strcmp(http_path(request), "*") == 0);
	if (handler.deed & 1 && handler.n_held < HELD_MAX)
		handler.held[handler.n_held++] = request;
	else
		http_reply(request, 200, json_object());
}

static bool on_head(void *arg, struct http_request *request)
{
	if (handler.deed & 4)
		http_fail(request, 413, "%s", "no");
	return !(handler.deed & 4);
}

// A service that sends back what comes.
static void on_open(void *arg, struct stream *stream)
{
	const struct stream_field type = { "content-type", "application/grpc" };

	handler.open++;
	stream_set_owner(stream, &handler);
	if (handler.deed & 8)
		stream_answer(stream, &type, 1);
	stream_set_patient(stream, handler.deed & 16);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t bytes)
{
	struct evbuffer *copy = evbuffer_new();

	must(copy && stream_owner(stream) == &handler && bytes > 0);
	evbuffer_add(copy, data, bytes);
	stream_send(stream, copy);
	must(evbuffer_get_length(copy) == 0);
	evbuffer_free(copy);
	stream_consume(stream, bytes);
	if (handler.deed & 32)
		stream_reset(stream, STREAM_CANCEL);
}

static void on_stream_end(struct stream *stream)
{
	const struct stream_field status = { "grpc-status", "0" };

	stream_finish(stream, &status, 1);
}

static void on_close(struct stream *stream, bool is_cancelled)
{
	must(handler.open > 0);
	handler.open--;
}

static void turn(struct event_base *base, int fd)
{
	static char answers[1 << 16];

	event_base_loop(base, EVLOOP_NONBLOCK);
	while (handler.n_held > 0)
		http_fail(handler.held[--handler.n_held], 409, "%s", "no");
	while (recv(fd, answers, sizeof(answers), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stream_service SERVICE = { .on_open = on_open,
		.on_data = on_data,
		.on_end = on_stream_end,
		.on_close = on_close };
	static struct event_base *base;
	struct connection_shared shared = { .limits = { 2000, 10, 60, 1024, 4, 8, 10 },
		.bound.max = 1 << 19,
		.on_head = on_head,
		.on_request = on_request,
		.service = &SERVICE,
		.on_phase = on_phase,
		.on_end = on_end };
	struct connection_peer peer = { .who = { .role = ROLE_ADMIN }, .body_bytes = 1 << 20 };
	struct connection *c;
	size_t step;
	int pair[2];

	if (size < 2)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	base = base ? base : event_base_new();
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	handler.deed = data[1];
	shared.base = base;
	peer.fd = pair[0];
	peer.is_local = data[1] & 2;
	c = connection_create(&shared, &peer, &c);
	must(c != NULL);
	send(pair[1], SESSION_PREFACE, SESSION_PREFACE_BYTES, MSG_NOSIGNAL);
	step = data[0] ? data[0] : 4096;
	for (size_t at = 2; at < size && c; at += step) {
		send(pair[1], data + at, at + step < size ? step : size - at, MSG_NOSIGNAL);
		turn(base, pair[1]);
		if (c && data[1] & 64 && at > size / 2)
			connection_drain(c);
	}
	for (int i = 0; i < 4 && c; i++)
		turn(base, pair[1]);
	if (c)
		connection_destroy(c);
	turn(base, pair[1]); // what was held
	must(!c && handler.open == 0);
	must(shared.bound.held == 0);
	turns_fini(&shared.turns);
	close(pair[1]);
	return 0;
}
