// SPDX-License-Identifier: BSD-3-Clause
// Heads of HTTP/1.1 requests: what each is read as, and that whatever has two readings has none here.
#include "ctl/server/http/parser.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

static struct parser parser;
static enum refusal why;
static struct error err;

// Reads text[bytes] in pieces of `step`, each from memory that ends with it, so that a byte beyond is seen.
static int read_in_steps(const char *text, size_t bytes, size_t step, uint32_t bytes_max)
{
	int rc = 0;

	err.text[0] = '\0';
	parser_begin(&parser, bytes_max, true);
	for (size_t n = step; rc == 0; n += step) {
		size_t have = n < bytes ? n : bytes;
		char *copy = malloc(have ? have : 1);

		memcpy(copy, text, have);
		rc = parser_read(&parser, copy, have, &why, &err);
		free(copy);
		if (have == bytes)
			break;
	}
	return rc;
}

// The status of a head; 200: it is complete, 0: it is not.
static int status_of(const char *text, size_t bytes, size_t step)
{
	int rc = read_in_steps(text, bytes, step, 16384);

	assert_true(rc >= 0 || err.text[0]);
	return rc < 0 ? refusal_status(why) : rc * 200;
}

#define HOST "Host: a\r\n"

static const struct {
	int status;
	const char *head;
} CASES[] = {
	{ 200, "GET / HTTP/1.1\r\n" HOST "\r\n" },
	{ 200, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n" },
	{ 200, "GET / HTTP/1.0\r\n\r\n" },
	{ 200, "GET http://a/metrics HTTP/1.1\r\n" HOST "\r\n" },
	{ 200, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" },
	{ 200, "PUT /x?y=%zz HTTP/1.1\r\n" HOST "A:\r\nB: \t \r\nC: \xff \"x\" \r\n\r\n" },
	{ 200, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n" },
	{ 200, "POST / HTTP/1.1\r\n" HOST "Expect:\r\n\r\n" }, // as C++ clients send it
	{ 200, "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n" },
	{ 0, "" },
	{ 0, "GET / HTTP/1.1\r\n" HOST "\r" },
	// The line.
	{ 400, "\n" },
	{ 400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, " GET / HTTP/1.1\r\n" },
	{ 400, "\x16\x03\x01\x02" },
	{ 400, "garbage\r\n\r\n" },
	{ 400, "THISMETHODISLONGERTHANANY / HTTP/1.1\r\n" },
	{ 400, "GET /v1/status\r\n\r\n" },
	{ 400, "GET  / HTTP/1.1\r\n" },
	{ 400, "GET /  HTTP/1.1\r\n" },
	{ 400, "GET /\tHTTP/1.1\r\n" },
	{ 400, "GET / HTTP/1.1 \r\n" },
	{ 400, "GET / HTTP/1.1\n" },
	{ 400, "GET / HTTP/1.1\r \n" },
	{ 400, "GET / HTTP/1.11\r\n" },
	{ 400, "GET / HTTP/11\r\n" },
	{ 400, "GET / http/1.1\r\n" },
	{ 400, "GET x HTTP/1.1\r\n" },
	{ 400, "GET http:// HTTP/1.1\r\n" },
	{ 400, "GET http://a HTTP/1.1\r\n" },
	{ 400, "GET http:///x HTTP/1.1\r\n" },
	{ 400, "GET /\xc3\xa9 HTTP/1.1\r\n" },
	{ 400, "GET /a\x7f HTTP/1.1\r\n" },
	{ 400, "GET /a#b HTTP/1.1\r\n" },
	{ 501, "get / HTTP/1.1\r\n" },
	{ 501, "BREW / HTTP/1.1\r\n" },
	{ 501, "CONNECT /a:80 HTTP/1.1\r\n" },
	{ 505, "GET / HTTP/2.0\r\n" },
	{ 505, "PRI * HTTP/2.0\r\n" },
	{ 505, "GET / HTTP/1.2\r\n" },
	{ 505, "GET / HTTP/0.9\r\n" },
	// Fields.
	{ 400, "GET / HTTP/1.1\r\n\r\n" }, // no Host
	{ 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n" },
	{ 400, "GET / HTTP/1.1\r\n A: b\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: b\r\n c\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA : b\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA\t: b\r\n" },
	{ 400, "GET / HTTP/1.1\r\n: b\r\n" },
	{ 400, "GET / HTTP/1.1\r\nnonsense\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA\xc3\xa9: b\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: b\nB: c\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: b\rB: c\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: b\r\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: \x01\r\n" },
	{ 400, "GET / HTTP/1.1\r\nA: \x7f\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "\n" },
	// What frames a body.
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 1 2\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n" },
	{ 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n" },
	{ 400,
		"PUT / HTTP/1.1\r\n" HOST
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ 400,
		"PUT / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" },
	{ 400, "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ 400,
		"PUT / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ 411, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n" },
	{ 501, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n" },
	{ 501, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n" },
	{ 400,
		"PUT / HTTP/1.1\r\n" HOST "Inference-Header-Content-Length: "
		"1\r\nInference-Header-Content-Length: 2\r\n\r\n" },
	{ 417, "PUT / HTTP/1.1\r\n" HOST "Expect: cake\r\n\r\n" },
};
#define N_CASES (sizeof(CASES) / sizeof(CASES[0]))

static void status_of_each_head(void **state)
{
	for (size_t i = 0; i < N_CASES; i++)
		for (size_t step = 1; step < 100; step += 33) {
			int status = status_of(CASES[i].head, strlen(CASES[i].head), step);

			if (status != CASES[i].status)
				fail_msg("%d, not %d: %s (%s)", status, CASES[i].status,
					CASES[i].head, err.text);
		}
}

static void zero_byte_is_refused_wherever_it_is(void **state)
{
	static const char HEAD[] = "PUT /x HTTP/1.1\r\n" HOST "A: b\r\n\r\n";
	char head[sizeof(HEAD)];

	for (size_t i = 0; i < strlen(HEAD); i++) {
		memcpy(head, HEAD, sizeof(HEAD));
		head[i] = '\0';
		assert_int_equal(status_of(head, strlen(HEAD), 5), 400);
	}
}

// A head is refused at the first byte that makes it wrong, and never for what comes behind its end.
static void read_ends_at_the_heads_end(void **state)
{
	static const char TWO[] =
		"POST /a?b=c HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc\0\n\nGET";
	const size_t bytes = strlen(TWO) - 3;

	assert_int_equal(status_of(TWO, sizeof(TWO) - 1, sizeof(TWO)), 200);
	assert_int_equal(parser.scanned, bytes);
	for (size_t n = 0; n < bytes; n++)
		assert_int_equal(status_of(TWO, n, 1), 0);
	assert_int_equal(parser.method, HTTP_POST);
	assert_int_equal(status_of("GET / HTTP/1.1\n", 15, 1), 400);
	assert_int_equal(parser.scanned, 15);
}

static void what_is_read(void **state)
{
	static const char HEAD[] =
		"\r\nPUT http://A:80/v2/m%61/x?q HTTP/1.1\r\nhost: a\r\nCONTENT-LENGTH: "
		"0012\r\nX-Empty:\r\n"
		"X-Blanks: \t a  b\t \r\nexpect: 100-continue\r\nConnection: Keep-Alive, "
		"upgrade\r\n\r\n";
	const struct parser_field *f;

	assert_int_equal(status_of(HEAD, strlen(HEAD), 7), 200);
	assert_int_equal(parser.method, HTTP_PUT);
	assert_int_equal(parser.path.bytes, 10);
	assert_memory_equal(HEAD + parser.path.at, "/v2/m%61/x", 10);
	assert_int_equal(parser.body_bytes, 12);
	assert_true(parser.expects_continue);
	assert_true(parser_keeps_alive(&parser));
	f = parser_find(&parser, HEAD, "x-empty");
	assert_int_equal(f->value.bytes, 0);
	f = parser_find(&parser, HEAD, "X-BLANKS");
	assert_int_equal(f->value.bytes, 4);
	assert_memory_equal(HEAD + f->value.at, "a  b", 4);
	assert_null(parser_find(&parser, HEAD, "X-Empt"));
	assert_int_equal(parser.n_fields, 6);
}

static bool keeps(const char *head)
{
	assert_int_equal(status_of(head, strlen(head), strlen(head)), 200);
	return parser_keeps_alive(&parser);
}

static void connection_is_kept_as_asked(void **state)
{
	assert_true(keeps("GET / HTTP/1.1\r\n" HOST "\r\n"));
	assert_false(keeps("GET / HTTP/1.0\r\n\r\n"));
	assert_true(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
	assert_false(keeps("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
	assert_false(keeps("GET / HTTP/1.1\r\n" HOST "Connection: a,, Close ,b\r\n\r\n"));
	assert_false(keeps(
		"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n"));
	assert_true(keeps("GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n"));
}

static void lengths_beyond_64_bits_stay_beyond_any_bound(void **state)
{
	static const char *const LENGTHS[] = { "18446744073709551615", "18446744073709551616",
		"99999999999999999999999", "184467440737095516150" };
	char head[128];

	for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
		snprintf(head, sizeof(head), "PUT / HTTP/1.1\r\n" HOST "Content-Length: %s\r\n\r\n",
			LENGTHS[i]);
		assert_int_equal(status_of(head, strlen(head), 1), 200);
		assert_true(parser.body_bytes == UINT64_MAX);
	}
}

static void heads_are_bounded(void **state)
{
	static char head[1 << 17];
	size_t n = (size_t)sprintf(head, "GET /");

	memset(head + n, 'a', sizeof(head) - n);
	assert_int_equal(status_of(head, sizeof(head), 1000), 414);
	n = (size_t)sprintf(head, "GET / HTTP/1.1\r\n" HOST "X: ");
	memset(head + n, 'a', sizeof(head) - n);
	assert_int_equal(status_of(head, sizeof(head), 1000), 431);
	assert_string_equal(err.text, "the header is too large: it may have 16384 bytes");
	assert_int_equal(
		read_in_steps(head, sizeof(head), 5000, 1 << 30), -1); // spans have 16 bits
	assert_string_equal(err.text, "the header is too large: it may have 65535 bytes");
	n = (size_t)sprintf(head, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < PARSER_FIELDS_MAX; i++)
		n += (size_t)sprintf(head + n, "a:b\r\n");
	assert_int_equal(status_of(head, n, 1000), 431);
	assert_int_equal(status_of(head, n - 5, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_of_each_head),
		cmocka_unit_test(zero_byte_is_refused_wherever_it_is),
		cmocka_unit_test(read_ends_at_the_heads_end),
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(connection_is_kept_as_asked),
		cmocka_unit_test(lengths_beyond_64_bits_stay_beyond_any_bound),
		cmocka_unit_test(heads_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
