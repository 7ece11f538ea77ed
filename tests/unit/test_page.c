// SPDX-License-Identifier: BSD-3-Clause
// One page over TCP: which requests get it, what the others are told, and that nothing that peers do
// goes beyond the bounds.
#include "ctl/server/http/page.h"
#include "tests/cmocka.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct event_base *base;
static struct page *page;
static struct sockaddr_in address;
static struct error err;
static int n_rendered;
static bool no_memory;

static int render(void *context, struct evbuffer *out)
{
	n_rendered++;
	return no_memory                                                    ? -ENOMEM
		: evbuffer_add_printf(out, "%s", (const char *)context) > 0 ? 0
									    : -1;
}

static int open_page(void **state)
{
	static char text[] = "the page\n";
	const struct page_options options = {
		.path = "/metrics", .content_type = "text/plain", .render = render, .context = text
	};
	int probe = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);

	signal(SIGPIPE, SIG_IGN);
	// A port that is free right now.
	address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(probe, (struct sockaddr *)&address, sizeof(address)) ||
		getsockname(probe, (struct sockaddr *)&address, &size))
		return -1;
	close(probe);
	n_rendered = 0;
	no_memory = false;
	base = event_base_new();
	return page_open(base, (struct sockaddr *)&address, sizeof(address), &options, &page, &err);
}

static int close_page(void **state)
{
	page_close(page);
	event_base_free(base);
	return 0;
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(int times)
{
	while (times--) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

// What came back until the server ended, or would have the caller wait.
static size_t receive(int fd, char text[2048])
{
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, text + n, 2047 - n, MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return n;
}

static void ask(const char *request, char reply[2048])
{
	int fd = dial();

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	turn(20);
	receive(fd, reply);
	close(fd);
	turn(5);
}

static void status_of_each_request(void **state)
{
	static const struct {
		int status;
		const char *head;
	} CASES[] = {
		{ 200, "GET /metrics HTTP/1.1\r\n\r\n" }, { 200, "GET /metrics HTTP/1.0\n\n" },
		{ 200, "GET /metrics?name=x HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 405, "POST /metrics HTTP/1.1\r\n\r\n" },
		{ 405, "HEAD /metrics HTTP/1.1\r\n\r\n" },
		{ 405, "GETT /metrics HTTP/1.1\r\n\r\n" }, { 404, "GET / HTTP/1.1\r\n\r\n" },
		{ 404, "GET /metric HTTP/1.1\r\n\r\n" }, { 404, "GET /metrics/ HTTP/1.1\r\n\r\n" },
		{ 404, "PUT /v1/models/a/versions/1 HTTP/1.1\r\n\r\n" },
		{ 404, "GET http://a/metrics HTTP/1.1\r\n\r\n" },
		{ 404, "GET //metrics HTTP/1.1\r\n\r\n" }, { 400, "" }, { 400, "\n" },
		{ 400, "GET" }, { 400, "GET " }, { 400, "GET /metrics" },
		{ 400, "GET  HTTP/1.1\r\n\r\n" }, { 400, "GET /metrics HTTP/2.0\r\n\r\n" },
		{ 400, "GET /metrics HTTP/1.11\r\n\r\n" }, { 400, " /metrics HTTP/1.1\r\n\r\n" },
		{ 400, "get /metrics HTTP/1.1\r\n\r\n" }, { 400, "GET /me trics HTTP/1.1\r\n\r\n" },
		{ 400, "GET /metrics\x01 HTTP/1.1\r\n\r\n" },
		{ 400, "GET /metr\xc3\xa9s HTTP/1.1\r\n\r\n" }, { 400, "\x16\x03\x01\x02" }, // TLS
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		size_t bytes = strlen(CASES[i].head);
		char *head = malloc(bytes ? bytes : 1); // without a NUL: a byte beyond is seen
		int status;

		memcpy(head, CASES[i].head, bytes);
		err.text[0] = '\0';
		status = page_status("/metrics", head, bytes, &err);
		if (status != CASES[i].status)
			fail_msg("%d, not %d: %s", status, CASES[i].status, CASES[i].head);
		assert_true(status == 200 || err.text[0]);
		free(head);
	}
}

static void get_has_the_page_and_closes(void **state)
{
	char reply[2048];

	ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", reply);
	assert_string_equal(reply,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n"
		"Connection: close\r\n\r\nthe page\n");
	ask("PUT /metrics HTTP/1.1\r\n\r\n", reply);
	assert_non_null(strstr(reply, "HTTP/1.1 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(reply, "\r\nAllow: GET\r\n"));
	assert_non_null(strstr(reply, "{\"error\":\"/metrics takes GET\"}"));
	assert_int_equal(n_rendered, 1);
	ask("GET /metrics HTTP/1.1\r\n\r\n", reply); // it is fresh still
	assert_non_null(strstr(reply, "the page"));
	assert_int_equal(n_rendered, 1);
	usleep(PAGE_FRESH_MS * 1000);
	no_memory = true;
	ask("GET /metrics HTTP/1.1\r\n\r\n", reply);
	assert_non_null(strstr(reply, "HTTP/1.1 500 "));
	assert_non_null(strstr(reply, "{\"error\":\"no memory for the page\"}"));
}

static void get_may_come_byte_by_byte(void **state)
{
	static const char REQUEST[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	char reply[2048];
	int fd = dial();

	for (size_t i = 0; i < strlen(REQUEST); i++) {
		assert_int_equal(receive(fd, reply), 0);
		assert_int_equal(send(fd, REQUEST + i, 1, 0), 1);
		turn(2);
	}
	turn(5);
	assert_true(receive(fd, reply) > 9);
	close(fd);
}

static void header_too_long_is_refused(void **state)
{
	char request[PAGE_REQUEST_BYTES_MAX + 100], reply[2048];

	memset(request, 'x', sizeof(request));
	memcpy(request, "GET /metrics HTTP/1.1\r\nA: ", 26);
	request[sizeof(request) - 1] = '\0';
	ask(request, reply); // and is not reset, though more than what was read had been sent
	assert_non_null(strstr(reply, "HTTP/1.1 431 "));
	assert_non_null(strstr(reply, "{\"error\":\"the header has more than 4096 bytes\"}"));
}

// Peers that say nothing hold all connections until the deadline; who comes then is served.
static void connections_are_few_and_end(void **state)
{
	int idle[PAGE_CONNECTIONS_MAX], late;
	char reply[2048], byte;
	struct timespec begin, now;

	for (int i = 0; i < PAGE_CONNECTIONS_MAX; i++)
		idle[i] = dial();
	turn(20);
	late = dial();
	assert_int_equal(send(late, "GET /metrics HTTP/1.1\r\n\r\n", 25, 0), 25);
	turn(20);
	assert_int_equal(receive(late, reply), 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		turn(10);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!receive(late, reply) && now.tv_sec - begin.tv_sec < 60);
	assert_non_null(strstr(reply, "the page"));
	for (int i = 0; i < PAGE_CONNECTIONS_MAX; i++) {
		assert_int_equal(recv(idle[i], &byte, 1, 0), 0);
		close(idle[i]);
	}
	close(late);
}

// However fast peers ask, a second has so many pages; the others are served in the next one.
static void pages_a_second_are_bounded(void **state)
{
	enum { PEERS = PAGE_PER_SECOND_MAX + 6 };
	struct timespec begin, now;
	char reply[2048];

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < PEERS; i++) {
		int fd = dial();

		assert_int_equal(send(fd, "GET /metrics HTTP/1.1\r\n\r\n", 25, 0), 25);
		while (!receive(fd, reply))
			turn(1);
		close(fd);
		turn(1);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(n_rendered <= 2 + ((now.tv_sec - begin.tv_sec) + 1) * 1000 / PAGE_FRESH_MS);
	assert_true((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 >=
		900);
}

static void open_of_a_taken_port_is_refused(void **state)
{
	const struct page_options options = { .path = "/", .content_type = "", .render = render };
	struct page *second;

	assert_int_equal(page_open(base, (struct sockaddr *)&address, sizeof(address), &options,
				 &second, &err),
		-EADDRINUSE);
	assert_string_equal(err.text, "cannot be listened on: Address already in use");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_of_each_request),
		cmocka_unit_test_setup_teardown(get_has_the_page_and_closes, open_page, close_page),
		cmocka_unit_test_setup_teardown(get_may_come_byte_by_byte, open_page, close_page),
		cmocka_unit_test_setup_teardown(header_too_long_is_refused, open_page, close_page),
		cmocka_unit_test_setup_teardown(connections_are_few_and_end, open_page, close_page),
		cmocka_unit_test_setup_teardown(pages_a_second_are_bounded, open_page, close_page),
		cmocka_unit_test_setup_teardown(
			open_of_a_taken_port_is_refused, open_page, close_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
