// SPDX-License-Identifier: BSD-3-Clause
// Who is let in: bounds of connections, descriptors and memory, each met by more clients than it
// allows.
#include "ctl/server/http/gate.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/pace.h"
#include "ctl/server/http/tls.h"
#include "tests/unit/gate_case.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/resource.h>

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

// Who is refused may ask as often as he likes: the log does not grow with it.
static void forbidden_users_are_said_once(void **state)
{
	struct gate_case *c = *state;

	open_gate(c, 64, 1 << 20);
	for (int i = 0; i < 1000; i++)
		gate_count_forbidden(c->gate, "uid 7", "uid 7");
	assert_int_equal(figures(c).refused[REFUSAL_FORBIDDEN], 1000);
	assert_int_equal(lines_of_log(c, "api: uid 7 was refused"), 1);
	assert_int_equal(lines_of_log(c, ""), 1);
}

// --- Memory --------------------------------------------------------------------------------------

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
	assert_int_equal(gate_busy(c->gate), 1);
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
	assert_int_equal(gate_busy(c->gate), 0);
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

// A crowd that came just now, of addresses that have their share not yet: nobody waits for its patience.
static void crowd_makes_room_at_once(void **state)
{
	struct gate_case *c = *state;
	int fd;

	c->address_connections = 64;
	open_gate(c, 64, 1 << 20);
	for (unsigned i = 0; i < 150; i++)
		join_tcp(c);
	fd = join_tcp(c);
	ask(fd, TCP_REQUEST);
	turn(c, 4 * MANY);
	assert_int_equal(figures(c).pauses, 0);
	assert_int_equal(figures(c).accepted, 151);
	assert_int_equal(figures(c).connections, 56);
	assert_non_null(strstr(answer(c, fd), "200 OK"));
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

// --- TLS -----------------------------------------------------------------------------------------

static void write_certificate(const char *key_path, const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	FILE *file = fopen(key_path, "w");

	assert_non_null(key);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	X509_set_pubkey(certificate, key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	file = fopen(path, "w");
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

// The door over TCP speaks TLS from here on.
static struct tls *secure(struct gate_case *c, struct gate_door *door)
{
	char key[64], certificate[64];
	const struct tls_files files = { .certificate = certificate, .key = key, .client_ca = "" };
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(c->tcp);
	struct error err;
	struct tls *tls;

	snprintf(key, sizeof(key), "%s/key", c->folder);
	snprintf(certificate, sizeof(certificate), "%s/certificate", c->folder);
	write_certificate(key, certificate);
	assert_int_equal(tls_open(&files, &tls, &err), 0);
	*door = (struct gate_door){ .serves = 7, .body_bytes = 1 << 20, .tls = tls };
	assert_int_equal(tcp_listen((struct sockaddr *)&any, sizeof(any), &door->fd), 0);
	assert_int_equal(getsockname(door->fd, (struct sockaddr *)&c->tcp, &size), 0);
	assert_int_equal(gate_open(c->gate, door, &err), 0);
	return tls;
}

static struct gate_limits limits_of_tls(uint32_t handshakes, uint32_t per_second)
{
	return (struct gate_limits){ .each = { 16384, 60, 60, 1024, 32, 128, 100 },
		.connections = 100,
		.address_connections = 100,
		.handshakes = handshakes,
		.handshakes_per_second = per_second,
		.bodies_bytes = 1 << 20 };
}

static void wait_until_accepted(struct gate_case *c, uint64_t n)
{
	while (figures(c).accepted < n) {
		turn(c, 1);
		usleep(1000);
	}
}

// Of TLS so many are under way; those that go no further are closed for others, after a while.
static void slow_handshakes_make_room(void **state)
{
	struct gate_case *c = *state;
	const struct gate_limits limits = limits_of_tls(4, 100);
	struct gate_door door;
	struct tls *tls;

	open_gate(c, 100, 1 << 20);
	gate_limit(c->gate, &limits);
	tls = secure(c, &door);
	for (unsigned i = 0; i < 6; i++)
		join_tcp(c);
	turn(c, 20);
	assert_int_equal(figures(c).connections, 4);
	ask(join(c), REQUEST); // the other doors are open
	assert_non_null(strstr(answer(c, c->client[6]), "200 OK"));
	while (figures(c).refused[REFUSAL_HANDSHAKES_FULL] < 2) {
		gate_tick(c->gate);
		turn(c, 1);
		usleep(1000);
	}
	wait_until_accepted(c, 7);
	assert_string_equal(answer(c, c->client[0]), "");
	assert_string_equal(answer(c, c->client[1]), "");
	assert_int_equal(figures(c).connections, 5);
	// One that leaves by itself makes room at once, without a tick.
	join_tcp(c);
	turn(c, 20);
	shutdown(c->client[5], SHUT_WR);
	wait_until_accepted(c, 8);
	gate_destroy(c->gate);
	c->gate = NULL;
	tls_close(tls);
}

// More than an address may begin are closed, and other limits are taken over.
static void handshakes_of_an_address_are_paced(void **state)
{
	struct gate_case *c = *state;
	const struct gate_limits limits = limits_of_tls(100, 1);
	struct gate_door door;
	struct tls *tls;

	open_gate(c, 100, 1 << 20);
	tls = secure(c, &door);
	gate_limit(c->gate, &limits);
	for (unsigned i = 0; i < 20; i++)
		join_tcp(c);
	while (figures(c).accepted + figures(c).refused[REFUSAL_HANDSHAKE_RATE] < 20)
		turn(c, 1);
	assert_in_range(figures(c).refused[REFUSAL_HANDSHAKE_RATE], 1, 19);
	assert_int_equal(lines_of_log(c, "control.handshakes_per_second allows"), 1);
	gate_destroy(c->gate);
	c->gate = NULL;
	tls_close(tls);
}

static void paces_are_of_each_address(void **state)
{
	struct pace *pace = pace_create();
	struct gate_address one = { AF_INET, { 10, 0, 0, 1 } },
			    other = { AF_INET, { 10, 0, 0, 2 } };

	assert_non_null(pace);
	for (unsigned i = 0; i < 10; i++)
		assert_true(pace_admits(pace, &one, 10, 5000));
	assert_false(pace_admits(pace, &one, 10, 5000));
	assert_true(pace_admits(pace, &other, 10, 5000));
	assert_false(pace_admits(pace, &one, 10, 5099));
	assert_true(pace_admits(pace, &one, 10, 5100));
	assert_false(pace_admits(pace, &one, 10, 5100));
	for (unsigned i = 0; i < 10; i++)
		assert_true(pace_admits(pace, &one, 10, 60000)); // and no more are saved up
	assert_false(pace_admits(pace, &one, 10, 60000));
	// However many there are, who did it last is known.
	for (uint32_t i = 0; i < 10 * PACE_ADDRESSES; i++) {
		struct gate_address each = { AF_INET6,
			{ 0x20, 1, 0, 0, i >> 24, i >> 16, i >> 8, i } };

		assert_true(pace_admits(pace, &each, 1, 60000));
		assert_false(pace_admits(pace, &each, 1, 60000));
	}
	pace_destroy(pace);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(connections_are_counted_as_they_come_and_go),
		CASE(silent_connections_make_room),
		CASE(busy_connections_are_waited_for),
		CASE(want_of_descriptors_pauses),
		CASE(forbidden_users_are_said_once),
		CASE(bodies_share_one_bound),
		CASE(bodies_of_clients_that_go_are_given_back),
		CASE(bodies_of_clients_that_go_stay_counted_while_handled),
		CASE(answers_share_the_bound),
		CASE(address_has_its_share),
		CASE(address_replaces_its_silent),
		CASE(crowd_makes_room_at_once),
		CASE(some_are_kept_for_the_operator),
		CASE(slow_handshakes_make_room),
		CASE(handshakes_of_an_address_are_paced),
		cmocka_unit_test(paces_are_of_each_address),
	};

	signal(SIGPIPE, SIG_IGN); // as martletd does
	return cmocka_run_group_tests(tests, NULL, NULL);
}
