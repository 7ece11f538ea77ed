// SPDX-License-Identifier: BSD-3-Clause
// One connection: which bodies are read, who is too slow, and what is answered at its end.
#include "ctl/server/http/connection.h"

#include "ctl/server/http/deadline.h"
#include "tests/unit/gate_case.h"

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

// --- Its end -------------------------------------------------------------------------------------

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

// In the grace HTTP/1.1 is asked to come elsewhere next time; nobody is sent away.
static void say_close_is_all_that_is_said(void **state)
{
	struct gate_case *c = *state;
	int fd;

	open_gate(c, 64, 1 << 20);
	gate_say_close(c->gate);
	for (int i = 0; i < 2; i++) {
		fd = join(c);
		c->holds = i == 1;
		ask(fd, REQUEST);
		turn(c, 20);
		if (i == 0)
			assert_non_null(strstr(answer(c, fd), "Connection: close"));
	}
	assert_int_equal(c->n_held, 1);
	assert_false(http_is_late(c->held[0]));
	gate_drain(c->gate);
	fd = join(c);
	ask(fd, REQUEST);
	turn(c, 20);
	assert_int_equal(c->n_held, 2);
	assert_true(http_is_late(c->held[1]));
	for (unsigned i = 0; i < 2; i++)
		http_reply(c->held[i], 200, json_object());
	c->n_held = 0;
	turn(c, 20);
}

// At the end who waits for a request is closed, but not where it has sent one meanwhile; half a request is
// waited for, unless it came too late.
static void part_ends_who_has_asked_nothing(void **state)
{
	struct gate_case *c = *state;
	int silent, asks, half, late;

	open_gate(c, 64, 1 << 20);
	silent = join(c);
	asks = join(c);
	half = join(c);
	ask(half, "GET /x HT");
	turn(c, 20);
	gate_drain(c->gate);
	late = join(c);
	ask(late, "GET /x HT");
	turn(c, 20);
	assert_int_equal(gate_busy(c->gate), 1);
	ask(half, "TP/1.1\r\n\r\n");
	assert_non_null(strstr(answer(c, half), "200 OK"));
	assert_int_equal(gate_busy(c->gate), 0);
	ask(asks, REQUEST);
	assert_false(gate_part(c->gate));
	assert_string_equal(answer(c, silent), "");
	assert_non_null(strstr(answer(c, asks), "200 OK"));
	assert_true(gate_part(c->gate));
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
		CASE(bodies_that_help_nothing_are_not_read),
		CASE(refused_bodies_may_go_on),
		CASE(tcp_needs_a_host),
		CASE(slow_headers_make_room_and_end),
		CASE(bodies_and_answers_must_move),
		CASE(large_answers_arrive_whole),
		CASE(half_closed_clients_are_answered),
		CASE(drain_closes_after_each_answer),
		CASE(say_close_is_all_that_is_said),
		CASE(part_ends_who_has_asked_nothing),
	};

	signal(SIGPIPE, SIG_IGN); // as martletd does
	return cmocka_run_group_tests(tests, NULL, NULL);
}
