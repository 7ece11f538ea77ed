// SPDX-License-Identifier: BSD-3-Clause
// The UNIX socket: who gets it, and what is answered there before any route.
#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/listener.h"
#include "tests/cmocka.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test_http.XXXXXX";
static char path[64];
static struct error err;

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/run/ctl.sock", folder); // run/ is the listener's to make
	return 0;
}

static int remove_folder(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct sockaddr_un address_of(const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", where);
	return address;
}

static void listener_open_makes_a_private_socket(void **state)
{
	struct listener *l;
	struct stat st;

	assert_int_equal(listener_open(path, "", &l, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	listener_close(l);
	assert_int_equal(stat(path, &st), -1);
}

static void listener_open_twice_is_refused(void **state)
{
	struct listener *first, *second;

	assert_int_equal(listener_open(path, "", &first, &err), 0);
	assert_int_equal(listener_open(path, "", &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "another martletd (pid"));
	listener_close(first);
}

static void listener_open_replaces_a_dead_socket_only(void **state)
{
	struct sockaddr_un address = address_of(path);
	struct listener *l;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(
		listener_open(path, "", &l, &err), -EBUSY); // alive, though without our lock
	assert_non_null(strstr(err.text, "another process"));
	close(fd); // the socket's file stays, as after kill -9
	assert_int_equal(listener_open(path, "", &l, &err), 0);
	listener_close(l);
	fclose(fopen(path, "w"));
	assert_int_equal(listener_open(path, "", &l, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is no socket"));
	unlink(path);
}

static void listener_open_unknown_group_or_long_path_is_refused(void **state)
{
	char longer[200];
	struct listener *l;

	assert_int_equal(listener_open(path, "no-such-group", &l, &err), -ENOENT);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(listener_open(longer, "", &l, &err), -ENAMETOOLONG);
}

// --- What is answered ----------------------------------------------------------------------------

static void on_request(void *arg, struct http_request *request)
{
	const char *header = http_header(request, "x-wish");
	size_t size;
	void *body;

	if (header && strcmp(header, "a header") == 0) {
		http_add_header(request, "X-Good", "yes");
		http_add_header(request, "X-Bad", "a\r\nX-Injected: b");
	}
	body = http_take_body(request, &size);
	assert_non_null(body);
	http_reply(request, 200,
		json_pack("{s:s, s:s, s:I}", "method", http_method_name(http_method(request)),
			"path", http_path(request), "bytes", (json_int_t)size));
	free(body);
}

// Sends text[bytes] and gives back what came until the server closed or, `answers` of them, was silent.
static void converse(const char *text, size_t bytes, unsigned answers, char *reply, size_t size)
{
	const struct gate_limits limits = { .each = { 16384, 10, 60, 1024, 4, 128, 100 },
		.connections = 100,
		.address_connections = 100,
		.bodies_bytes = 1 << 30 };
	struct gate_door door = {
		.serves = 7, .body_bytes = HTTP_BODY_BYTES_MAX, .is_local = true
	};
	struct sockaddr_un address = address_of(path);
	struct event_base *base = event_base_new();
	struct gate *gate;
	struct listener *l;
	size_t got = 0, sent = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ssize_t n = 1;

	assert_int_equal(listener_open(path, "", &l, &err), 0);
	assert_int_equal(gate_create(base, &limits, NULL, on_request, NULL, &gate, &err), 0);
	door.fd = dup(listener_fd(l));
	assert_int_equal(gate_open(gate, &door, &err), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	reply[0] = '\0';
	for (int turn = 0; turn < 5000 && n != 0; turn++) {
		const char *at = reply;
		unsigned found = 0;

		n = sent < bytes ? send(fd, text + sent, bytes - sent, MSG_DONTWAIT | MSG_NOSIGNAL)
				 : 0;
		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = recv(fd, reply + got, size - 1 - got, MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
		reply[got] = '\0';
		for (; (at = strstr(at, "HTTP/1.1 ")); at++)
			found++;
		if (found >= answers && got > 0 && (reply[got - 1] == '}' || answers == 0))
			break;
		if (n < 0)
			usleep(500);
	}
	close(fd);
	gate_destroy(gate);
	event_base_free(base);
	listener_close(l);
}

static void refusal_is_json_and_the_last_word(void **state)
{
	static const struct {
		const char *request, *status, *sentence;
	} cases[] = {
		{ "garbage\r\n\r\n", " 400 ", "{\"error\":\"this is no HTTP/1.1 request" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", " 400 ", "{\"error\":\"" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n", " 413 ",
			"{\"error\":\"the body is too large: it may have 268435456 bytes" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n", " 413 ",
			"{\"error\":\"the body is too large" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n",
			" 413 ", "{\"error\":\"the body is too large" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\n", " 417 ",
			"{\"error\":\"of expectations" },
		{ "FOO /x HTTP/1.1\r\n\r\n", " 501 ", "{\"error\":\"unknown method" },
		{ "GET /x HTTP/3.0\r\n\r\n", " 505 ", "{\"error\":\"HTTP/1.1 and" },
		{ "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
			" 411 ", "{\"error\":\"bodies in chunks" },
	};
	char request[512], reply[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		// What follows is no request.
		snprintf(
			request, sizeof(request), "%sGET /next HTTP/1.1\r\n\r\n", cases[i].request);
		converse(request, strlen(request), 2, reply, sizeof(reply));
		if (strncmp(reply, "HTTP/1.1", 8) != 0 ||
			strncmp(reply + 8, cases[i].status, strlen(cases[i].status)) != 0 ||
			!strstr(reply, cases[i].sentence) || strstr(reply, "/next") ||
			!strstr(reply, "\r\nConnection: close\r\n") ||
			!strstr(reply, "\r\nContent-Type: application/json\r\n"))
			fail_msg("%s\ngot: %s", cases[i].request, reply);
	}
}

static void headers_too_long_are_refused(void **state)
{
	static char request[20000];
	char reply[4096];
	size_t n = (size_t)sprintf(request, "GET / HTTP/1.1\r\nX: ");

	memset(request + n, 'a', sizeof(request) - n);
	converse(request, sizeof(request), 1, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "HTTP/1.1 431 ", 13), 0);
	assert_non_null(strstr(reply, "{\"error\":\""));
}

static void body_arrives_whole(void **state)
{
	const size_t mib = 1 << 20;
	char reply[4096], *large = malloc(mib + 100);
	size_t n = (size_t)sprintf(large, "PUT /x HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", mib);

	converse(
		"PUT /x?y HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 45, 1, reply, sizeof(reply));
	assert_non_null(strstr(reply, "HTTP/1.1 200 OK"));
	assert_non_null(strstr(reply, "{\"method\":\"PUT\",\"path\":\"/x\",\"bytes\":5}"));
	memset(large + n, 'x', mib);
	converse(large, n + mib, 1, reply, sizeof(reply));
	free(large);
	assert_non_null(strstr(reply, "\"bytes\":1048576}"));
}

static void continue_is_said_before_the_body_only(void **state)
{
	static const char WISH[] =
		"PUT /x HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
	char request[128], reply[4096];

	converse(WISH, strlen(WISH), 0, reply, sizeof(reply));
	assert_string_equal(reply, "HTTP/1.1 100 Continue\r\n\r\n");
	snprintf(request, sizeof(request), "%shello", WISH);
	converse(request, strlen(request), 1, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "HTTP/1.1 200 ", 13), 0);
}

// More in a row than limits.pipeline has: all are answered, in their order.
static void pipeline_is_answered_in_order(void **state)
{
	char request[4096], reply[16384];
	const char *at = reply;
	size_t n = 0;

	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(request + n,
			i % 3 ? "GET /%d HTTP/1.1\r\n\r\n"
			      : "POST /%d HTTP/1.1\r\nContent-Length: 3\r\n\r\nGET",
			i);
	converse(request, n, 30, reply, sizeof(reply));
	for (int i = 0; i < 30; i++) {
		char want[64];

		snprintf(want, sizeof(want), "\"path\":\"/%d\",\"bytes\":%d}", i, i % 3 ? 0 : 3);
		at = strstr(at, want);
		assert_non_null(at);
	}
}

static void head_has_no_body_and_the_length(void **state)
{
	static const char TWO[] = "HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
	char reply[4096];

	converse(TWO, strlen(TWO), 2, reply, sizeof(reply));
	assert_non_null(strstr(reply, "Content-Length: 39\r\n\r\nHTTP/1.1 200 OK\r\n"));
	assert_null(strstr(reply, "/a"));
	assert_non_null(strstr(reply, "\"path\":\"/b\""));
}

static void http_1_0_is_kept_where_it_asks(void **state)
{
	static const char KEPT[] =
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		"GET /b HTTP/1.0\r\n\r\nGET /c HTTP/1.0\r\n\r\n";
	char reply[4096];

	converse(KEPT, strlen(KEPT), 3, reply, sizeof(reply));
	assert_non_null(strstr(reply, "\r\nConnection: keep-alive\r\n"));
	assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(reply, "/b"));
	assert_null(strstr(reply, "/c"));
}

static void headers_of_handlers_cannot_break_lines(void **state)
{
	static const char REQUEST[] = "GET / HTTP/1.1\r\nX-Wish:  a header \r\n\r\n";
	char reply[4096];

	converse(REQUEST, strlen(REQUEST), 1, reply, sizeof(reply));
	assert_non_null(strstr(reply, "\r\nX-Good: yes\r\n"));
	assert_null(strstr(reply, "X-Bad"));
	assert_null(strstr(reply, "X-Injected"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_open_makes_a_private_socket),
		cmocka_unit_test(listener_open_twice_is_refused),
		cmocka_unit_test(listener_open_replaces_a_dead_socket_only),
		cmocka_unit_test(listener_open_unknown_group_or_long_path_is_refused),
		cmocka_unit_test(refusal_is_json_and_the_last_word),
		cmocka_unit_test(headers_too_long_are_refused),
		cmocka_unit_test(body_arrives_whole),
		cmocka_unit_test(continue_is_said_before_the_body_only),
		cmocka_unit_test(pipeline_is_answered_in_order),
		cmocka_unit_test(head_has_no_body_and_the_length),
		cmocka_unit_test(http_1_0_is_kept_where_it_asks),
		cmocka_unit_test(headers_of_handlers_cannot_break_lines),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
