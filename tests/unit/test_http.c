// SPDX-License-Identifier: BSD-3-Clause
// The UNIX socket and what evhttp refuses by itself: who gets the socket, and JSON in every
// refusal.
#include "ctl/server/http/http.h"
#include "ctl/server/http/listener.h"
#include "tests/cmocka.h"

#include <event2/event.h>
#include <event2/http.h>
#include <grp.h>
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

static void listener_admits_ourselves(void **state)
{
	struct listener *l;
	int pair[2];

	assert_int_equal(listener_open(path, "root", &l, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(listener_admits(l, pair[0]));
	assert_false(listener_admits(l, listener_fd(l) + 1000)); // nobody knows who that is
	close(pair[0]);
	close(pair[1]);
	listener_close(l);
}

// Whether a process of user and group 65534 and of `n` other groups, the last one `group`, is admitted.
static bool admits_with_groups(struct listener *l, gid_t group, int n)
{
	struct sockaddr_un address = address_of(path);
	gid_t groups[100];
	bool admitted;
	int fd, status;
	pid_t child;

	for (int i = 0; i < n; i++)
		groups[i] = i < n - 1 ? 70000 + (gid_t)i : group;
	child = fork();
	if (child == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setgroups((size_t)n, groups) != 0 || setgid(65534) != 0 || setuid(65534) != 0 ||
			connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fd = accept(listener_fd(l), NULL, NULL);
	assert_true(fd >= 0);
	admitted = listener_admits(l, fd);
	close(fd);
	return admitted;
}

static void listener_admits_by_supplementary_groups(void **state)
{
	const struct group *daemon = getgrnam("daemon");
	struct listener *l;
	gid_t group;

	if (geteuid() != 0 || !daemon)
		skip();
	group = daemon->gr_gid;
	assert_int_equal(listener_open(path, "daemon", &l, &err), 0);
	assert_int_equal(chmod(path, 0666), 0); // who may connect is another matter
	assert_int_equal(chmod(folder, 0755), 0);
	assert_true(admits_with_groups(l, group, 1));
	assert_true(admits_with_groups(l, group, 100)); // more than are asked for at once
	assert_false(admits_with_groups(l, group, 0));
	assert_false(admits_with_groups(l, group + 1000, 100));
	listener_close(l);
}

// --- evhttp --------------------------------------------------------------------------------------

static void answer(struct evhttp_request *request, void *arg)
{
	size_t size;
	void *body = http_take_body((struct http_request *)request, &size);

	assert_non_null(body);
	http_reply(
		(struct http_request *)request, 200, json_pack("{s:I}", "bytes", (json_int_t)size));
	free(body);
}

// Sends `text` and gives back what came until the server closed or was silent.
static void converse(const char *text, char *reply, size_t size)
{
	struct sockaddr_un address = address_of(path);
	struct event_base *base = event_base_new();
	struct evhttp *http = http_create(base);
	struct listener *l;
	size_t got = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(listener_open(path, "", &l, &err), 0);
	evhttp_set_gencb(http, answer, NULL);
	assert_int_equal(evhttp_accept_socket(http, dup(listener_fd(l))), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	for (int turn = 0; turn < 1000 && got == 0; turn++) {
		ssize_t n;

		event_base_loop(base, EVLOOP_NONBLOCK);
		n = recv(fd, reply, size - 1, MSG_DONTWAIT);
		got = n > 0 ? (size_t)n : 0;
		if (got == 0)
			usleep(1000);
	}
	reply[got] = '\0';
	close(fd);
	evhttp_free(http);
	event_base_free(base);
	listener_close(l);
}

static void refusal_of_evhttp_is_json(void **state)
{
	static const struct {
		const char *request, *status, *sentence;
	} cases[] = {
		{ "garbage\r\n\r\n", " 400 ", "{\"error\":\"this is no HTTP/1.1 request" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", " 400 ", "{\"error\":\"" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n", " 413 ",
			"{\"error\":\"the body is too large: an image has at most 268435456 "
			"bytes" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n",
			" 413 ", "{\"error\":\"the body is too large" },
		{ "PUT /x HTTP/1.1\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\n", " 417 ",
			"{\"error\":\"of expectations" },
		{ "FOO /x HTTP/1.1\r\n\r\n", " 501 ", "{\"error\":\"unknown method" },
	};
	char reply[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		converse(cases[i].request, reply, sizeof(reply));
		// evhttp answers what has no version of HTTP by "HTTP/0.0".
		if (strncmp(reply, "HTTP/", 5) != 0 ||
			strncmp(reply + 8, cases[i].status, strlen(cases[i].status)) != 0 ||
			!strstr(reply, cases[i].sentence) ||
			!strstr(reply, "Content-Type: application/json"))
			fail_msg("%s\ngot: %s", cases[i].request, reply);
	}
}

static void headers_too_long_are_refused(void **state)
{
	char *request = malloc(HTTP_HEADERS_BYTES_MAX + 200);
	char reply[4096];
	size_t n = (size_t)sprintf(request, "GET / HTTP/1.1\r\nX: ");

	memset(request + n, 'a', HTTP_HEADERS_BYTES_MAX + 100);
	strcpy(request + n + HTTP_HEADERS_BYTES_MAX + 100, "\r\n\r\n");
	converse(request, reply, sizeof(reply));
	free(request);
	assert_int_equal(strncmp(reply, "HTTP/1.1 4", 10), 0);
	assert_non_null(strstr(reply, "{\"error\":\""));
}

static void body_arrives_whole(void **state)
{
	char reply[4096];

	converse("PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", reply, sizeof(reply));
	assert_non_null(strstr(reply, "HTTP/1.1 200 OK"));
	assert_non_null(strstr(reply, "{\"bytes\":5}"));
	converse("PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		reply, sizeof(reply));
	assert_non_null(strstr(reply, "{\"bytes\":3}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_open_makes_a_private_socket),
		cmocka_unit_test(listener_open_twice_is_refused),
		cmocka_unit_test(listener_open_replaces_a_dead_socket_only),
		cmocka_unit_test(listener_open_unknown_group_or_long_path_is_refused),
		cmocka_unit_test(listener_admits_ourselves),
		cmocka_unit_test(listener_admits_by_supplementary_groups),
		cmocka_unit_test(refusal_of_evhttp_is_json),
		cmocka_unit_test(headers_too_long_are_refused),
		cmocka_unit_test(body_arrives_whole),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
