// SPDX-License-Identifier: BSD-3-Clause
// Who is let in: bounds of connections, descriptors and memory, each met by more clients than it
// allows.
#include "ctl/server/http/gate.h"

#include "ctl/server/http/deadline.h"
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
#include <sys/resource.h>
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

static void on_request(void *arg, struct http_request *request)
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

static bool on_head(void *arg, struct http_request *request)
{
	struct gate_case *c = arg;

	if (c->refuses)
		http_fail(request, 404, "%s is not here", http_path(request));
	return !c->refuses;
}

static int begin(void **state)
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

static bool admits_all(void *arg, int fd)
{
	return true;
}

// Both doors, of which clients take the UNIX socket unless join_tcp() is called.
static void open_gate(struct gate_case *c, uint32_t connections, size_t bodies_bytes)
{
	const struct gate_limits limits = { { 16384, 1, 60, 1024, 32 }, connections,
		c->address_connections ? c->address_connections : connections / 2, bodies_bytes };
	struct gate_door door = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
		.serves = 7,
		.body_bytes = HTTP_BODY_BYTES_MAX,
		.admits = admits_all };
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

static int end(void **state)
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

static unsigned lines_of_log(const struct gate_case *c, const char *words)
{
	FILE *log = fopen(c->log, "r");
	char line[1024];
	unsigned n = 0;

	while (fgets(line, sizeof(line), log))
		n += strstr(line, words) != NULL;
	fclose(log);
	return n;
}

static struct gate_figures figures(const struct gate_case *c)
{
	struct gate_figures f;

	gate_figures(c->gate, &f);
	return f;
}

static int join(struct gate_case *c)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&c->address, sizeof(c->address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	c->client[c->n++] = fd;
	return fd;
}

static int join_tcp(struct gate_case *c)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&c->tcp, sizeof(c->tcp)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	c->client[c->n++] = fd;
	return fd;
}

static void turn(struct gate_case *c, unsigned turns)
{
	while (turns-- > 0)
		event_base_loop(c->base, EVLOOP_NONBLOCK);
}

// What comes on `fd`, waited for; "" where the server closed it.
static const char *answer(struct gate_case *c, int fd)
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

static void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void connections_are_counted_as_they_come_and_go(void **state)
{
	struct gate_case *c = *state;

	open_gate(c, 100, 1 << 20);
	for (unsigned i = 0; i < 50; i++)
		join(c);
	turn(c, 200);
	assert_int_equal(figures(c).connections, 50);
	for (unsigned i = 0; i < 20; i++)
		close(c->client[--c->n]);
	turn(c, 200);
	assert_int_equal(figures(c).connections, 30);
	ask(c->client[0], REQUEST);
	assert_non_null(strstr(answer(c, c->client[0]), "200 OK"));
	assert_int_equal(figures(c).connections, 30); // it is kept
	assert_int_equal(figures(c).accepted, 50);
	assert_int_equal(figures(c).body_bytes, 0);
}

// Many that say nothing keep nobody out, and cost a line of log.
static void silent_connections_make_room(void **state)
{
	struct gate_case *c = *state;
	int fd;

	open_gate(c, 64, 1 << 20);
	for (unsigned i = 0; i < MANY - 1; i++)
		join(c);
	turn(c, 4 * MANY);
	assert_int_equal(figures(c).connections, 64);
	fd = join(c);
	ask(fd, REQUEST);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
	assert_int_equal(figures(c).connections, 64);
	assert_int_equal(figures(c).refused[REFUSAL_SILENT], MANY - 64);
	assert_int_equal(lines_of_log(c, "those silent longest are closed"), 1);
}

static void busy_connections_are_waited_for(void **state)
{
	struct gate_case *c = *state;
	int fd;

	open_gate(c, 4, 1 << 20);
	c->holds = true;
	for (unsigned i = 0; i < 4; i++)
		ask(join(c), REQUEST);
	turn(c, 100);
	assert_int_equal(c->n_held, 4);
	fd = join(c);
	ask(fd, REQUEST);
	for (unsigned i = 0; i < 100; i++) {
		gate_tick(c->gate);
		turn(c, 1);
	}
	assert_int_equal(figures(c).connections, 4);
	assert_int_equal(figures(c).pauses, 1);
	assert_int_equal(lines_of_log(c, "accepting pauses until one ends"), 1);
	c->holds = false;
	for (unsigned i = 0; i < 4; i++)
		http_reply(c->held[i], 200, json_object());
	close(c->client[0]);
	c->client[0] = dup(0);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
}

// libevent's own listener would try again at once, for ever, with a line of log each time.
static void want_of_descriptors_pauses(void **state)
{
	struct gate_case *c = *state;
	struct rlimit before, few;
	int fd, next;

	open_gate(c, 100, 1 << 20);
	fd = join(c);
	turn(c, 10);
	next = join(c);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ (rlim_t)next + 1, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned i = 0; i < 1000; i++) {
		if (i % 100 == 0)
			gate_tick(c->gate);
		turn(c, 1);
	}
	assert_int_equal(figures(c).connections, 1);
	assert_int_equal(figures(c).pauses, 1);
	ask(fd, REQUEST); // who is in is served
	assert_non_null(strstr(answer(c, fd), "200 OK"));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(lines_of_log(c, "accepting pauses"), 1);
	assert_int_equal(lines_of_log(c, ""), 1);
	ask(next, REQUEST);
	assert_non_null(strstr(answer(c, next), "200 OK"));
}

static void send_body(struct gate_case *c, int fd, size_t bytes)
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

static void bodies_share_one_bound(void **state)
{
	struct gate_case *c = *state;
	const size_t mib = 1 << 20;
	int first, second, third;

	open_gate(c, 100, 16 * mib);
	c->holds = true;
	third = join(c);
	ask(third, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n");
	turn(c, 20);
	first = join(c);
	ask(first, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n");
	send_body(c, first, 10 * mib);
	turn(c, 100);
	assert_int_equal(c->n_held, 1);
	assert_in_range(figures(c).body_bytes, 9 * mib, 10 * mib);
	// Announced: refused before a byte of it came. Let in while there was room, and too much later.
	second = join(c);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\nExpect: 100-continue\r\n\r\n");
	assert_non_null(strstr(answer(c, second), " 503 "));
	send_body(c, third, 10 * mib);
	assert_non_null(strstr(answer(c, third),
		"uploads under way hold all of the 16 MiB that "
		"control.upload_megabytes allows them together"));
	assert_int_equal(figures(c).refused[REFUSAL_BODIES_FULL], 2);
	// What is too large by itself is no matter of the others'.
	second = join(c);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n");
	assert_non_null(strstr(answer(c, second), " 413 "));
	// Small ones pass, and large ones again once the first is answered.
	c->holds = false;
	second = join(c);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
	assert_non_null(strstr(answer(c, second), "200 OK"));
	http_reply(c->held[0], 200, json_object());
	assert_non_null(strstr(answer(c, first), "200 OK"));
	assert_int_equal(figures(c).body_bytes, 0);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n");
	send_body(c, second, 10 * mib);
	assert_non_null(strstr(answer(c, second), "200 OK"));
	assert_int_equal(figures(c).body_bytes, 0);
}

static void bodies_of_clients_that_go_are_given_back(void **state)
{
	struct gate_case *c = *state;

	open_gate(c, 100, 16 << 20);
	ask(join(c), "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n");
	send_body(c, c->client[0], 8 << 20);
	turn(c, 100);
	assert_true(figures(c).body_bytes > 7 << 20);
	close(c->client[--c->n]);
	turn(c, 100);
	assert_int_equal(figures(c).body_bytes, 0);
	assert_int_equal(figures(c).connections, 0);
}

// A client that goes while its request is handled leaves the body with the handler.
static void bodies_of_clients_that_go_stay_counted_while_handled(void **state)
{
	struct gate_case *c = *state;

	open_gate(c, 100, 16 << 20);
	c->holds = true;
	ask(join(c), "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n");
	send_body(c, c->client[0], 10 << 20);
	turn(c, 100);
	assert_int_equal(c->n_held, 1);
	close(c->client[--c->n]);
	turn(c, 100);
	assert_true(figures(c).body_bytes > 9 << 20);
	http_reply(c->held[0], 200, json_object());
	assert_int_equal(figures(c).body_bytes, 0);
}

// What would be refused with its body is refused without it, and the body is no request.
static void bodies_that_help_nothing_are_not_read(void **state)
{
	struct gate_case *c = *state;
	const char *text;
	int fd;

	open_gate(c, 100, 16 << 20);
	c->refuses = true;
	fd = join(c);
	ask(fd, "PUT /x HTTP/1.1\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n");
	text = answer(c, fd);
	assert_non_null(strstr(text, "HTTP/1.1 404 Not Found\r\n"));
	assert_non_null(strstr(text, "Connection: close\r\n"));
	assert_null(strstr(text, "100 Continue"));
	fd = join(c);
	ask(fd, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\nPUT / HTTP/1.1\r\n\r\n");
	text = answer(c, fd);
	assert_non_null(strstr(text, "{\"error\":\"/x is not here\"}"));
	assert_null(strstr(text + 8, "HTTP/1.1 "));
	assert_int_equal(figures(c).body_bytes, 0);
	// A small one is read: the connection is kept then.
	fd = join(c);
	ask(fd, "PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
	assert_non_null(strstr(answer(c, fd), "200 OK"));
	c->refuses = false;
	fd = join(c);
	ask(fd, "PUT /x HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	assert_string_equal(answer(c, fd), "HTTP/1.1 100 Continue\r\n\r\n");
	ask(fd, "hello");
	text = answer(c, fd);
	assert_non_null(strstr(text, "200 OK"));
	assert_null(strstr(text, "Connection: close"));
}

// Many clients send all of a body before they look at what came: they are let do so.
static void refused_bodies_may_go_on(void **state)
{
	struct gate_case *c = *state;
	const uint64_t until = deadline_now_ms() + 3000;
	int fd;

	open_gate(c, 100, 16 << 20);
	c->refuses = true;
	fd = join_tcp(c);
	ask(fd, "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	while (deadline_now_ms() < until) {
		ask(fd, "a");
		turn(c, 1);
		usleep(10000);
	}
	assert_non_null(strstr(answer(c, fd), "HTTP/1.1 404 "));
	assert_int_equal(figures(c).connections, 1);
	assert_int_equal(figures(c).body_bytes, 0);
}

// --- Over a network ------------------------------------------------------------------------------

static unsigned hold_tcp(struct gate_case *c, unsigned n)
{
	c->holds = true;
	for (unsigned i = 0; i < n; i++)
		ask(join_tcp(c), TCP_REQUEST);
	turn(c, 100);
	return c->n_held;
}

static void release(struct gate_case *c)
{
	c->holds = false;
	while (c->n_held > 0)
		http_reply(c->held[--c->n_held], 200, json_object());
}

// Who is busy stays, and another of the same address hears so; on the UNIX socket nobody counts.
static void address_has_its_share(void **state)
{
	struct gate_case *c = *state;
	const char *text;
	int fd;

	c->address_connections = 4;
	open_gate(c, 64, 1 << 20);
	assert_int_equal(hold_tcp(c, 4), 4);
	fd = join_tcp(c);
	ask(fd, TCP_REQUEST);
	text = answer(c, fd);
	assert_non_null(strstr(text, "HTTP/1.1 429 Too Many Requests\r\n"));
	assert_non_null(strstr(text, "{\"error\":\"this address has as many connections"));
	assert_int_equal(figures(c).refused[REFUSAL_ADDRESS_FULL], 1);
	assert_int_equal(figures(c).connections, 4);
	release(c);
	fd = join(c);
	ask(fd, REQUEST);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
}

// Of an address that has its share, one that is silent is closed for the next.
static void address_replaces_its_silent(void **state)
{
	struct gate_case *c = *state;
	char byte;
	int fd;

	c->address_connections = 4;
	open_gate(c, 64, 1 << 20);
	for (unsigned i = 0; i < 4; i++)
		join_tcp(c);
	turn(c, 20);
	usleep(300000);
	fd = join_tcp(c);
	ask(fd, TCP_REQUEST);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
	assert_int_equal(figures(c).refused[REFUSAL_SILENT], 1);
	assert_int_equal(recv(c->client[0], &byte, 1, 0), 0); // the first that came
	assert_int_equal(recv(c->client[1], &byte, 1, 0), -1);
}

static void some_are_kept_for_the_operator(void **state)
{
	struct gate_case *c = *state;
	int remote, local;

	c->address_connections = 16;
	open_gate(c, 16, 1 << 20);
	assert_int_equal(hold_tcp(c, 14), 14);
	remote = join_tcp(c);
	ask(remote, TCP_REQUEST);
	turn(c, 20);
	assert_int_equal(figures(c).connections, 14);
	assert_int_equal(figures(c).pauses, 1);
	local = join(c);
	c->holds = false;
	ask(local, REQUEST);
	assert_non_null(strstr(answer(c, local), "200 OK"));
	release(c);
	assert_non_null(strstr(answer(c, remote), "200 OK"));
}

static void tcp_needs_a_host(void **state)
{
	struct gate_case *c = *state;
	int fd;

	open_gate(c, 64, 1 << 20);
	fd = join_tcp(c);
	ask(fd, REQUEST);
	assert_non_null(strstr(answer(c, fd), "HTTP/1.1 400 Bad Request\r\n"));
	assert_int_equal(figures(c).refused[REFUSAL_MALFORMED], 1);
}

// --- Slow peers ----------------------------------------------------------------------------------

// Bytes that keep coming do not make a header complete: who drips them is closed for others, and, where
// nobody else comes, by the time that a header has.
static void slow_headers_make_room_and_end(void **state)
{
	struct gate_case *c = *state;
	const char *text;
	int fd;

	open_gate(c, 8, 1 << 20);
	for (unsigned i = 0; i < 8; i++) {
		fd = join(c);
		ask(fd, REQUEST);
		assert_non_null(strstr(answer(c, fd), "200 OK"));
		ask(fd, "GET /x HTTP/1.1\r\nA: ");
	}
	turn(c, 20);
	fd = join(c);
	ask(fd, REQUEST);
	text = "(silence)";
	for (unsigned i = 0; text[0] == '('; i++) {
		send(c->client[i % 8], "a", 1, MSG_NOSIGNAL);
		turn(c, 1);
		if (i % 8 == 0) {
			gate_tick(c->gate);
			usleep(1000);
		}
		if (recv(fd, (char[4096]){ 0 }, 4096, 0) > 0)
			text = "";
	}
	text = answer(c, c->client[7]);
	assert_non_null(strstr(text, "HTTP/1.1 408 Request Timeout\r\n"));
	assert_non_null(strstr(text, "{\"error\":\"the header was not complete after 1 s\"}"));
	assert_true(
		figures(c).refused[REFUSAL_HEAD_SLOW] + figures(c).refused[REFUSAL_SILENT] >= 2);
}

static void bodies_and_answers_must_move(void **state)
{
	struct gate_case *c = *state;
	int body, reader;

	open_gate(c, 64, 64 << 20);
	c->answer_bytes = 32 << 20;
	body = join(c);
	ask(body, "PUT /x HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc");
	reader = join(c);
	ask(reader, REQUEST);
	assert_non_null(strstr(answer(c, body), "408"));
	while (figures(c).connections > 0) {
		turn(c, 1);
		usleep(1000);
	}
	assert_int_equal(figures(c).refused[REFUSAL_BODY_SLOW], 1);
	assert_int_equal(figures(c).refused[REFUSAL_READS_SLOWLY], 1);
	assert_int_equal(figures(c).body_bytes, 0);
}

// A client that reads is sent all of a large answer, and those behind it.
static void large_answers_arrive_whole(void **state)
{
	struct gate_case *c = *state;
	static char piece[1 << 16];
	size_t got = 0;
	int fd;

	open_gate(c, 64, 64 << 20);
	c->answer_bytes = 4 << 20;
	fd = join(c);
	for (int i = 0; i < 3; i++)
		ask(fd, REQUEST);
	while (got < 3 * c->answer_bytes) {
		ssize_t n = recv(fd, piece, sizeof(piece), 0);

		assert_int_not_equal(n, 0);
		got += n > 0 ? (size_t)n : 0;
		turn(c, n < 0);
	}
	assert_in_range(got, 3 * c->answer_bytes, 3 * c->answer_bytes + 1000);
}

// Answers that nobody takes hold memory, too, and large ones are refused beyond the bound; not the
// operator's.
static void answers_share_the_bound(void **state)
{
	struct gate_case *c = *state;
	const char *text;
	int fd;

	open_gate(c, 64, 16 << 20);
	c->answer_bytes = 12 << 20;
	ask(join_tcp(c), TCP_REQUEST);
	turn(c, 20);
	assert_true(figures(c).body_bytes > 4 << 20);
	assert_false(gate_is_quiet(c->gate));
	fd = join_tcp(c);
	ask(fd, TCP_REQUEST);
	text = answer(c, fd);
	assert_non_null(strstr(text, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(strstr(text, "Retry-After: 1\r\n"));
	assert_non_null(strstr(text, "{\"error\":\"there is no room for the answer: "));
	assert_int_equal(figures(c).refused[REFUSAL_BODIES_FULL], 1);
	fd = join(c);
	ask(fd, REQUEST);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
	c->answer_bytes = 0;
	fd = join_tcp(c);
	ask(fd, TCP_REQUEST);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
	while (c->n > 0)
		close(c->client[--c->n]);
	turn(c, 100);
	assert_int_equal(figures(c).connections, 0);
	assert_int_equal(figures(c).body_bytes, 0);
	assert_true(gate_is_quiet(c->gate));
}

// A client that closes its own side has asked all that it wants, and waits.
static void half_closed_clients_are_answered(void **state)
{
	static const char *const MORE[] = { "", "GET /y HT",
		"PUT /y HTTP/1.1\r\nContent-Length: 9\r\n\r\nhell" };
	struct gate_case *c = *state;

	open_gate(c, 64, 1 << 20);
	for (size_t i = 0; i < sizeof(MORE) / sizeof(MORE[0]); i++) {
		int fd = join(c);

		c->holds = true;
		ask(fd, REQUEST);
		ask(fd, MORE[i]);
		shutdown(fd, SHUT_WR);
		turn(c, 20);
		assert_int_equal(c->n_held, 1);
		release(c);
		assert_non_null(strstr(answer(c, fd), "200 OK"));
		assert_string_equal(answer(c, fd), "");
	}
	turn(c, 20);
	assert_int_equal(figures(c).connections, 0);
}

// Draining says so in every answer.
static void drain_closes_after_each_answer(void **state)
{
	struct gate_case *c = *state;
	int fd;

	open_gate(c, 64, 1 << 20);
	fd = join(c);
	ask(fd, REQUEST);
	assert_null(strstr(answer(c, fd), "Connection: close"));
	gate_drain(c->gate);
	ask(fd, REQUEST);
	assert_non_null(strstr(answer(c, fd), "Connection: close"));
	assert_string_equal(answer(c, fd), "");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(connections_are_counted_as_they_come_and_go),
		CASE(silent_connections_make_room),
		CASE(busy_connections_are_waited_for),
		CASE(want_of_descriptors_pauses),
		CASE(bodies_share_one_bound),
		CASE(bodies_of_clients_that_go_are_given_back),
		CASE(bodies_of_clients_that_go_stay_counted_while_handled),
		CASE(bodies_that_help_nothing_are_not_read),
		CASE(refused_bodies_may_go_on),
		CASE(address_has_its_share),
		CASE(address_replaces_its_silent),
		CASE(some_are_kept_for_the_operator),
		CASE(tcp_needs_a_host),
		CASE(slow_headers_make_room_and_end),
		CASE(bodies_and_answers_must_move),
		CASE(large_answers_arrive_whole),
		CASE(answers_share_the_bound),
		CASE(half_closed_clients_are_answered),
		CASE(drain_closes_after_each_answer),
	};

	signal(SIGPIPE, SIG_IGN); // as martletd does
	return cmocka_run_group_tests(tests, NULL, NULL);
}
