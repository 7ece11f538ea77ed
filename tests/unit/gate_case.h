// SPDX-License-Identifier: BSD-3-Clause
// A gate with a door of each kind, clients of it in the same process, and a handler that answers at once,
// later or with much.
#pragma once

#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/tcp.h"
#include "tests/cmocka.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST     "GET /x HTTP/1.1\r\n\r\n"
#define TCP_REQUEST "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
#define MANY        200
#define HELD        16

struct gate_case {
	char folder[32];
	struct sockaddr_un address;
	struct sockaddr_in tcp;
	struct event_base *base;
	struct gate *gate;
	struct http_request *held[HELD]; // requests that are not answered yet
	unsigned n_held;
	bool holds, refuses;
	uint32_t address_connections; // 0: half of all
	size_t answer_bytes;          // 0: {}
	int client[MANY];
	unsigned n;
	int saved_stderr;
	char log[64];
};

static inline void on_request(void *arg, struct http_request *request)
{
	struct gate_case *c = arg;

	if (c->holds && c->n_held < HELD) {
		c->held[c->n_held++] = request;
	} else if (c->answer_bytes) {
		struct evbuffer *body = evbuffer_new();
		char *zeros = calloc(1, c->answer_bytes);

		evbuffer_add(body, zeros, c->answer_bytes);
		free(zeros);
		http_send(request, 200, "application/octet-stream", body);
	} else
		http_reply(request, 200, json_object());
}

static inline bool on_head(void *arg, struct http_request *request)
{
	struct gate_case *c = arg;

	if (c->refuses)
		http_fail(request, 404, "%s is not here", http_path(request));
	return !c->refuses;
}

static inline int begin(void **state)
{
	struct gate_case *c = calloc(1, sizeof(*c));
	int log;

	strcpy(c->folder, "/tmp/test_gate.XXXXXX");
	assert_non_null(mkdtemp(c->folder));
	c->address.sun_family = AF_UNIX;
	snprintf(c->address.sun_path, sizeof(c->address.sun_path), "%s/sock", c->folder);
	snprintf(c->log, sizeof(c->log), "%s/log", c->folder);
	fflush(stderr);
	c->saved_stderr = dup(STDERR_FILENO);
	log = open(c->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, STDERR_FILENO);
	close(log);
	*state = c;
	return 0;
}

// Both doors, of which clients take the UNIX socket unless join_tcp() is called.
static inline void open_gate(struct gate_case *c, uint32_t connections, size_t bodies_bytes)
{
	const struct gate_limits limits = { .each = { 16384, 1, 60, 1024, 32, 128, 100 },
		.connections = connections,
		.address_connections =
			c->address_connections ? c->address_connections : connections / 2,
		.handshakes = 4,
		.handshakes_per_second = 100,
		.bodies_bytes = bodies_bytes };
	struct gate_door door = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
		.serves = 7,
		.body_bytes = HTTP_BODY_BYTES_MAX,
		.is_local = true };
	struct gate_door tcp = { .serves = 7, .body_bytes = 1 << 20 };
	socklen_t size = sizeof(c->tcp);
	struct error err;

	assert_int_equal(bind(door.fd, (struct sockaddr *)&c->address, sizeof(c->address)), 0);
	assert_int_equal(listen(door.fd, MANY), 0);
	c->base = event_base_new();
	assert_int_equal(gate_create(c->base, &limits, on_head, on_request, c, &c->gate, &err), 0);
	assert_int_equal(gate_open(c->gate, &door, &err), 0);
	c->tcp = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(tcp_listen((struct sockaddr *)&c->tcp, sizeof(c->tcp), &tcp.fd), 0);
	assert_int_equal(getsockname(tcp.fd, (struct sockaddr *)&c->tcp, &size), 0);
	assert_int_equal(gate_open(c->gate, &tcp, &err), 0);
}

static inline int end(void **state)
{
	struct gate_case *c = *state;
	char command[64];
	int rc;

	while (c->n > 0)
		close(c->client[--c->n]);
	gate_destroy(c->gate);
	event_base_free(c->base);
	dup2(c->saved_stderr, STDERR_FILENO);
	close(c->saved_stderr);
	snprintf(command, sizeof(command), "rm -rf %s", c->folder);
	rc = system(command);
	free(c);
	return rc;
}

static inline unsigned lines_of_log(const struct gate_case *c, const char *words)
{
	FILE *log = fopen(c->log, "r");
	char line[1024];
	unsigned n = 0;

	while (fgets(line, sizeof(line), log))
		n += strstr(line, words) != NULL;
	fclose(log);
	return n;
}

static inline struct gate_figures figures(const struct gate_case *c)
{
	struct gate_figures f;

	gate_figures(c->gate, &f);
	return f;
}

static inline int join(struct gate_case *c)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&c->address, sizeof(c->address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	c->client[c->n++] = fd;
	return fd;
}

static inline int join_tcp(struct gate_case *c)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&c->tcp, sizeof(c->tcp)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	c->client[c->n++] = fd;
	return fd;
}

static inline void turn(struct gate_case *c, unsigned turns)
{
	while (turns-- > 0)
		event_base_loop(c->base, EVLOOP_NONBLOCK);
}

// What comes on `fd`, waited for; "" where the server closed it.
static inline const char *answer(struct gate_case *c, int fd)
{
	static char text[4096];
	ssize_t n;

	for (unsigned i = 0; i < 20000; i++) {
		gate_tick(c->gate);
		turn(c, 1);
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n >= 0) {
			text[n] = '\0';
			return text;
		}
		usleep(500);
	}
	return "(silence)";
}

static inline void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void send_body(struct gate_case *c, int fd, size_t bytes)
{
	static const char block[1 << 16];

	while (bytes > 0) {
		ssize_t n = send(
			fd, block, bytes < sizeof(block) ? bytes : sizeof(block), MSG_NOSIGNAL);

		turn(c, 1);
		if (n > 0)
			bytes -= (size_t)n;
		else if (errno != EAGAIN)
			return; // refused meanwhile
	}
}

static inline void release(struct gate_case *c)
{
	c->holds = false;
	while (c->n_held > 0)
		http_reply(c->held[--c->n_held], 200, json_object());
}
