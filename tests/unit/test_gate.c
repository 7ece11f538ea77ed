// SPDX-License-Identifier: BSD-3-Clause
// Who is let in: bounds of connections, descriptors and memory, each met by more clients than it
// allows.
#include "ctl/server/http/gate.h"

#include "ctl/server/http/http.h"
#include "tests/cmocka.h"

#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST "GET /x HTTP/1.1\r\n\r\n"
#define MANY    200

struct gate_case {
	char folder[32];
	struct sockaddr_un address;
	struct event_base *base;
	struct evhttp *http;
	struct gate *gate;
	struct evhttp_request *held[4]; // requests that are not answered yet
	unsigned n_held;
	bool holds;
	int client[MANY];
	unsigned n;
	int saved_stderr;
	char log[64];
};

static void on_request(struct evhttp_request *request, void *arg)
{
	struct gate_case *c = arg;

	gate_enter(c->gate, request);
	if (c->holds)
		c->held[c->n_held++] = request;
	else
		http_reply((struct http_request *)request, 200, json_object());
}

static int begin(void **state)
{
	struct gate_case *c = calloc(1, sizeof(*c));
	int log;

	strcpy(c->folder, "/tmp/test_gate.XXXXXX");
	if (!mkdtemp(c->folder))
		return -1;
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

static void open_gate(struct gate_case *c, uint32_t connections, size_t bodies_bytes)
{
	const struct gate_limits limits = { connections, HTTP_BODY_BYTES_MAX, bodies_bytes };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct error err;

	assert_int_equal(bind(fd, (struct sockaddr *)&c->address, sizeof(c->address)), 0);
	assert_int_equal(listen(fd, MANY), 0);
	c->base = event_base_new();
	c->http = http_create(c->base);
	evhttp_set_gencb(c->http, on_request, c);
	assert_int_equal(gate_open(c->base, c->http, fd, &limits, &c->gate, &err), 0);
}

static int end(void **state)
{
	struct gate_case *c = *state;
	char command[64];
	int rc;

	while (c->n > 0)
		close(c->client[--c->n]);
	evhttp_free(c->http);
	gate_close(c->gate);
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
	assert_int_equal(figures(c).closed_silent, MANY - 64);
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
		http_reply((struct http_request *)c->held[i], 200, json_object());
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
	first = join(c);
	ask(first, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n");
	send_body(c, first, 10 * mib);
	turn(c, 100);
	assert_int_equal(c->n_held, 1);
	assert_in_range(figures(c).body_bytes, 9 * mib, 10 * mib);
	// Announced: refused before a byte of it came. Chunked: as soon as it is too much.
	second = join(c);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 10485760\r\nExpect: 100-continue\r\n\r\n");
	assert_non_null(strstr(answer(c, second), " 503 "));
	third = join(c);
	ask(third, "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA00000\r\n");
	send_body(c, third, 10 * mib);
	assert_non_null(strstr(answer(c, third),
		"uploads under way hold 9 of the 16 MiB that "
		"control.upload_megabytes allows them together"));
	assert_int_equal(figures(c).bodies_refused, 2);
	// What is too large by itself is no matter of the others'.
	second = join(c);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n");
	assert_non_null(strstr(answer(c, second), " 413 "));
	// Small ones pass, and large ones again once the first is answered.
	c->holds = false;
	second = join(c);
	ask(second, "PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
	assert_non_null(strstr(answer(c, second), "200 OK"));
	http_reply((struct http_request *)c->held[0], 200, json_object());
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
	};

	signal(SIGPIPE, SIG_IGN); // as martletd does
	return cmocka_run_group_tests(tests, NULL, NULL);
}
