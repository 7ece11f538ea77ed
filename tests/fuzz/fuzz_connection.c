// SPDX-License-Identifier: BSD-3-Clause
// A client of the API that sends anything: the bytes reach a connection in pieces, and whatever they
// are, each answer is whole, nothing is left behind, and no request is handled twice. The first byte is
// the size of the pieces, the second one what handlers do.
#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "tests/fuzz/must.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_BYTES (sizeof(PREFACE) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint8_t deed;
	unsigned asked;
	bool is_http2; // by the preface: several requests are under way at a time, answers are frames
	struct http_request *held; // answered in a later turn
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

	handler.asked++;
	must(body && body[bytes] == '\0');
	free(body);
	must(http_path(request)[0] == '/' || strcmp(http_path(request), "*") == 0);
	http_header(request, "accept");
	must(!handler.held || handler.is_http2);
	if (handler.deed & 1 && !handler.held) {
		handler.held = request;
	} else {
		http_reply(request, 200, json_object());
	}
}

// Bodies that are asked about are refused unread where the deed says so.
static bool on_head(void *arg, struct http_request *request)
{
	if (handler.deed & 4)
		http_fail(request, 413, "%s", "no");
	return !(handler.deed & 4);
}

// The first bytes of an answer: a status line, or a frame of SETTINGS.
static bool begins_well(const char *answer, ssize_t n)
{
	if (handler.is_http2)
		return n >= 9 && answer[3] == 4;
	return n >= 9 && memcmp(answer, "HTTP/1.1 ", 9) == 0;
}

static void turn(struct event_base *base, int fd, size_t *got)
{
	static char answers[1 << 16];
	ssize_t n;

	event_base_loop(base, EVLOOP_NONBLOCK);
	if (handler.held) {
		struct http_request *held = handler.held;

		handler.held = NULL; // the next one may be held from within
		http_fail(held, 409, "%s", "no");
	}
	while ((n = recv(fd, answers, sizeof(answers), MSG_DONTWAIT)) > 0) {
		must(*got > 0 || begins_well(answers, n));
		*got += (size_t)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	struct connection_shared shared = { .limits = { 2000, 10, 60, 1024, 4, 8, 10 },
		.bound.max = 1 << 19,
		.on_head = on_head,
		.on_request = on_request,
		.on_phase = on_phase,
		.on_end = on_end };
	struct connection_peer peer = { .who = { .role = ROLE_ADMIN }, .body_bytes = 1 << 20 };
	struct connection *c;
	size_t step, got = 0;
	int pair[2];

	if (size < 2)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	base = base ? base : event_base_new();
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	handler.deed = data[1];
	handler.asked = 0;
	handler.is_http2 =
		size >= 2 + PREFACE_BYTES && memcmp(data + 2, PREFACE, PREFACE_BYTES) == 0;
	shared.base = base;
	peer.fd = pair[0];
	peer.is_local = data[1] & 2;
	c = connection_create(&shared, &peer, &c);
	must(c != NULL);
	step = data[0] ? data[0] : 4096;
	for (size_t at = 2; at < size && c; at += step) {
		send(pair[1], data + at, at + step < size ? step : size - at, MSG_NOSIGNAL);
		turn(base, pair[1], &got);
	}
	shutdown(pair[1], SHUT_WR);
	for (int i = 0; i < 1000 && c; i++)
		turn(base, pair[1], &got);
	must(!c); // the client has gone, so it has
	must(shared.bound.held == 0);
	turns_fini(&shared.turns);
	must(handler.asked == 0 || got > 0);
	close(pair[1]);
	return 0;
}
