// SPDX-License-Identifier: BSD-3-Clause
// HTTP/2 by frames of our own on a socket pair: what is answered, what resets a stream, and what ends the
// connection. Numbers of errors are RFC 9113's, 7.
#include "ctl/server/http/connection.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/session.h"
#include "tests/cmocka.h"

#include <event2/event.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

#define STREAMS     8
#define FRAMES_MAX  4096
#define BYTES_MAX   (1 << 20)
#define REST        FIELD(":scheme", "http") FIELD(":path", "/x") FIELD(":authority", "a")
#define GET         FIELD(":method", "GET") REST
#define FIELD(n, v) n "\1" v "\2" // of texts that encode() takes

struct frame {
	uint8_t type, flags;
	uint32_t stream, size;
	const uint8_t *data;
};

struct peer {
	struct event_base *base;
	struct connection_shared shared;
	struct connection *connection;
	int fd;
	unsigned n_asked;
	size_t asked_bytes; // of the last request's body
	char sent[BYTES_MAX];
	size_t n_sent;
	uint8_t got[BYTES_MAX];
	size_t n_got;
	struct frame frames[FRAMES_MAX];
	unsigned n_frames;
	bool has_ended;
};

// --- The server ----------------------------------------------------------------------------------

static void on_request(void *arg, struct http_request *request)
{
	struct peer *p = arg;

	p->n_asked++;
	free(http_take_body(request, &p->asked_bytes));
	http_reply(request, 200, json_object());
}

static void on_phase(void *owner)
{
}

static void on_end(void *owner)
{
	((struct peer *)owner)->connection = NULL;
}

static int begin_with(void **state, uint32_t resets_per_second)
{
	struct connection_peer peer = {
		.who = { .role = ROLE_ADMIN }, .is_local = true, .body_bytes = 1 << 20
	};
	struct peer *p = calloc(1, sizeof(*p));
	int pair[2], bytes = 4 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	p->base = event_base_new();
	p->shared = (struct connection_shared){ .base = p->base,
		.limits = { 2000, 60, 60, 1, 4, STREAMS, resets_per_second },
		.bound.max = 16 << 20,
		.on_request = on_request,
		.arg = p,
		.on_phase = on_phase,
		.on_end = on_end };
	p->fd = pair[1];
	peer.fd = pair[0];
	p->connection = connection_create(&p->shared, &peer, p);
	assert_non_null(p->connection);
	*state = p;
	return 0;
}

static int begin(void **state)
{
	return begin_with(state, 10);
}

static int end(void **state)
{
	struct peer *p = *state;

	if (p->connection)
		connection_destroy(p->connection);
	assert_int_equal(p->shared.bound.held, 0);
	close(p->fd);
	turns_fini(&p->shared.turns);
	event_base_free(p->base);
	free(p);
	return 0;
}

// --- The client ----------------------------------------------------------------------------------

static void take_frames(struct peer *p)
{
	size_t at = 0;

	p->n_frames = 0;
	while (p->n_got - at >= 9) {
		const uint8_t *h = p->got + at;
		const uint32_t size = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];

		if (p->n_got - at < 9 + size)
			break;
		assert_true(p->n_frames < FRAMES_MAX);
		p->frames[p->n_frames++] = (struct frame){ h[3], h[4],
			((uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8]),
			size, h + 9 };
		at += 9 + size;
	}
}

// Sends what is there to be sent, and reads what comes, until nothing moves.
static void run(struct peer *p)
{
	size_t at = 0;

	for (int quiet = 0; quiet < 4; quiet++) {
		ssize_t n = at < p->n_sent
			? send(p->fd, p->sent + at, p->n_sent - at, MSG_NOSIGNAL | MSG_DONTWAIT)
			: 0;

		if (n > 0) {
			at += (size_t)n;
			quiet = 0;
		}
		event_base_loop(p->base, EVLOOP_NONBLOCK);
		n = recv(p->fd, p->got + p->n_got, sizeof(p->got) - p->n_got, MSG_DONTWAIT);
		if (n > 0) {
			p->n_got += (size_t)n;
			quiet = 0;
		}
		p->has_ended |= n == 0 && p->n_got < sizeof(p->got);
	}
	p->n_sent = 0;
	take_frames(p);
}

static void put(struct peer *p, const void *data, size_t bytes)
{
	assert_true(p->n_sent + bytes <= sizeof(p->sent));
	memcpy(p->sent + p->n_sent, data, bytes);
	p->n_sent += bytes;
}

static void frame(struct peer *p, unsigned type, unsigned flags, uint32_t stream, const void *data,
	size_t bytes)
{
	const uint8_t head[9] = { (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes,
		(uint8_t)type, (uint8_t)flags, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16),
		(uint8_t)(stream >> 8), (uint8_t)stream };

	put(p, head, sizeof(head));
	put(p, data, bytes);
}

static void frame_u32(struct peer *p, unsigned type, uint32_t stream, uint32_t value)
{
	const uint8_t data[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16),
		(uint8_t)(value >> 8), (uint8_t)value };

	frame(p, type, 0, stream, data, 4);
}

// FIELD()s as HPACK: literals that are not indexed, without Huffman.
static size_t encode(const char *fields, uint8_t *out)
{
	size_t n = 0;

	while (*fields) {
		const char *value = strchr(fields, '\1') + 1, *stop = strchr(value, '\2');
		const size_t sizes[2] = { (size_t)(value - 1 - fields), (size_t)(stop - value) };
		const char *const texts[2] = { fields, value };

		out[n++] = 0;
		for (int i = 0; i < 2; i++) {
			assert_true(sizes[i] < 127);
			out[n++] = (uint8_t)sizes[i];
			memcpy(out + n, texts[i], sizes[i]);
			n += sizes[i];
		}
		fields = stop + 1;
	}
	return n;
}

static void headers(struct peer *p, unsigned flags, uint32_t stream, const char *fields)
{
	uint8_t block[4096];

	frame(p, HEADERS, flags, stream, block, encode(fields, block));
}

static void hello(struct peer *p)
{
	put(p, SESSION_PREFACE, SESSION_PREFACE_BYTES);
	frame(p, SETTINGS, 0, 0, "", 0);
}

static const struct frame *find(const struct peer *p, unsigned type, uint32_t stream)
{
	for (unsigned i = p->n_frames; i-- > 0;)
		if (p->frames[i].type == type && p->frames[i].stream == stream)
			return &p->frames[i];
	return NULL;
}

static uint32_t number(const struct frame *f, unsigned at)
{
	assert_non_null(f);
	assert_true(f->size >= at + 4);
	return (uint32_t)f->data[at] << 24 | (uint32_t)f->data[at + 1] << 16 |
		(uint32_t)f->data[at + 2] << 8 | f->data[at + 3];
}

// The error that the connection ended with; -1: it did not.
static int gone(const struct peer *p)
{
	const struct frame *f = find(p, GOAWAY, 0);

	return f ? (int)number(f, 4) : -1;
}

static int reset_of(const struct peer *p, uint32_t stream)
{
	const struct frame *f = find(p, RESET, stream);

	return f ? (int)number(f, 0) : -1;
}

// Of the last answer, whose headers nobody else has a share in: all of the connection's are read.
static int status_of(const struct peer *p, uint32_t stream)
{
	nghttp2_hd_inflater *inflater;
	int status = 0;

	assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
	for (unsigned i = 0; i < p->n_frames; i++) {
		const uint8_t *at = p->frames[i].data, *const stop = at + p->frames[i].size;
		int flags = 0;
		nghttp2_nv field;

		if (p->frames[i].type != HEADERS)
			continue;
		while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
			const ssize_t n = nghttp2_hd_inflate_hd2(
				inflater, &field, &flags, at, (size_t)(stop - at), 1);

			assert_true(n >= 0);
			at += n;
			if (flags & NGHTTP2_HD_INFLATE_EMIT && p->frames[i].stream == stream &&
				field.namelen == 7 && memcmp(field.name, ":status", 7) == 0)
				status = atoi((const char *)field.value);
		}
		nghttp2_hd_inflate_end_headers(inflater);
	}
	nghttp2_hd_inflate_del(inflater);
	return status;
}

static void ask(struct peer *p, uint32_t stream)
{
	headers(p, END_STREAM | END_HEADERS, stream, GET);
}

static void must_serve(struct peer *p, uint32_t stream)
{
	ask(p, stream);
	run(p);
	assert_int_equal(gone(p), -1);
	assert_int_equal(status_of(p, stream), 200);
}

// --- The beginning -------------------------------------------------------------------------------

static void preface_may_be_cut_anywhere(void **state)
{
	for (size_t cut = 0; cut <= SESSION_PREFACE_BYTES; cut++) {
		struct peer *p;

		begin((void **)&p);
		put(p, SESSION_PREFACE, cut);
		run(p);
		assert_true(cut == SESSION_PREFACE_BYTES || p->n_got == 0);
		put(p, &SESSION_PREFACE[cut], SESSION_PREFACE_BYTES - cut);
		frame(p, SETTINGS, 0, 0, "", 0);
		must_serve(p, 1);
		end((void **)&p);
	}
}

static void another_preface_is_no_http2(void **state)
{
	for (size_t at = 0; at < SESSION_PREFACE_BYTES; at++) {
		char preface[SESSION_PREFACE_BYTES + 1] = SESSION_PREFACE;
		struct peer *p;

		begin((void **)&p);
		preface[at] ^= 1;
		put(p, preface, SESSION_PREFACE_BYTES);
		put(p, "\r\n\r\n", 4);
		run(p);
		assert_null(strstr((char *)p->got, "HTTP/2"));
		if (p->n_got)
			assert_memory_equal(p->got, "HTTP/1.1 ", 9);
		end((void **)&p);
	}
}

// --- Headers -------------------------------------------------------------------------------------

static void headers_may_come_in_pieces(void **state)
{
	struct peer *p = *state;
	uint8_t block[256];
	const size_t n = encode(GET FIELD("a", "b"), block);

	hello(p);
	for (size_t cut = 1; cut < n; cut += 7) {
		const uint32_t stream = (uint32_t)(2 * cut + 1);
		const size_t more = (n - cut) / 2;

		frame(p, HEADERS, END_STREAM, stream, block, cut);
		frame(p, CONTINUATION, 0, stream, block + cut, more);
		frame(p, CONTINUATION, END_HEADERS, stream, block + cut + more, n - cut - more);
		run(p);
		assert_int_equal(status_of(p, stream), 200);
	}
	// Nothing else may come between them.
	frame(p, HEADERS, END_STREAM, 1001, block, 5);
	frame(p, PING, 0, 0, "12345678", 8);
	run(p);
	assert_int_equal(gone(p), 1);
}

static void table_may_change_its_size(void **state)
{
	struct peer *p = *state;
	uint8_t block[256] = { 0x3f, 0x00, 0x20, 0x3f, 0xe1, 0x1f }; // 31, 0, 4096
	size_t n = 6 + encode(GET, block + 6);

	hello(p);
	frame(p, HEADERS, END_STREAM | END_HEADERS, 1, block, n);
	run(p);
	assert_int_equal(status_of(p, 1), 200);
	block[5] = 0x7f; // beyond what we allow
	frame(p, HEADERS, END_STREAM | END_HEADERS, 3, block, n);
	run(p);
	assert_int_equal(gone(p), 9);
	assert_int_equal(p->shared.refused[REFUSAL_MALFORMED], 1);
}

// A field of the table that is named again and again.
static void bombs_end_the_connection(void **state)
{
	struct peer *p = *state;
	uint8_t block[16000];
	size_t n = encode(GET, block);

	hello(p);
	block[n++] = 0x40;
	block[n++] = 1;
	block[n++] = 'a';
	block[n++] = 100;
	memset(block + n, 'b', 100);
	n += 100;
	memset(block + n, 0xbe, sizeof(block) - n);
	frame(p, HEADERS, END_STREAM | END_HEADERS, 1, block, sizeof(block));
	run(p);
	assert_int_equal(gone(p), 11);
	assert_int_equal(p->shared.refused[REFUSAL_HEAD_LARGE], 1);
	assert_int_equal(p->n_asked, 0);
}

static void large_headers_are_answered(void **state)
{
	struct peer *p = *state;
	char fields[4096] = GET;

	for (int i = 0; i < 25; i++)
		sprintf(fields + strlen(fields), "a%d\1%0100d\2", i, i);
	hello(p);
	headers(p, END_STREAM | END_HEADERS, 1, fields);
	run(p);
	assert_int_equal(status_of(p, 1), 431);
	must_serve(p, 3);
}

// --- Requests that are none ----------------------------------------------------------------------

static void malformed_requests_are_reset(void **state)
{
	static const char *const FIELDS[] = { GET FIELD("connection", "close"),
		GET FIELD("keep-alive", "5"), GET FIELD("proxy-connection", "close"),
		GET FIELD("transfer-encoding", "chunked"), GET FIELD("upgrade", "h2c"),
		GET FIELD("te", "gzip"), GET FIELD("A", "b"), GET FIELD("a", "b\nc: d"),
		GET FIELD("a b", "c"), GET FIELD("", "c"), REST,
		FIELD(":method", "GET") FIELD(":path", "/x") FIELD(":authority", "a"),
		FIELD(":method", "GET") FIELD(":scheme", "http") FIELD(":authority", "a"),
		FIELD(":method", "GET") FIELD(":scheme", "http") FIELD(":path", "")
			FIELD(":authority", "a"),
		FIELD(":method", "GET") FIELD(":scheme", "http") FIELD(":path", "/x"), // by whom?

		FIELD(":method", "GET") FIELD(":method", "GET") REST, GET FIELD(":path", "/y"),
		GET FIELD(":scheme", "http"), GET FIELD(":status", "200"), GET FIELD(":own", "1"),
		FIELD(":method", "GET") FIELD("a", "b") REST, GET FIELD("content-length", "1"),
		GET FIELD("content-length", "0") FIELD("content-length", "0"),
		GET FIELD("content-length", "-1"),
		GET FIELD("content-length", "18446744073709551616") };
	const unsigned n = sizeof(FIELDS) / sizeof(FIELDS[0]);
	struct peer *p;

	begin_with((void **)&p, 1000);
	hello(p);
	for (unsigned i = 0; i < n; i++) {
		headers(p, END_STREAM | END_HEADERS, 4 * i + 1, FIELDS[i]);
		run(p);
		if (reset_of(p, 4 * i + 1) != 1)
			fail_msg("'%s': %d", FIELDS[i], reset_of(p, 4 * i + 1));
		assert_int_equal(p->n_asked, i);
		must_serve(p, 4 * i + 3);
	}
	assert_int_equal(p->shared.refused[REFUSAL_MALFORMED], n);
	end((void **)&p);
}

// Whatever its path may be, there is no tunnel.
static void connect_is_refused(void **state)
{
	struct peer *p = *state;
	int status;

	hello(p);
	headers(p, END_HEADERS, 1, FIELD(":method", "CONNECT") FIELD(":authority", "a:443"));
	frame(p, DATA, 0, 1, "abc", 3);
	run(p);
	status = status_of(p, 1);
	assert_true(reset_of(p, 1) == 1 || (status >= 400 && status < 600));
	assert_int_equal(p->n_asked, 0);
	must_serve(p, 3);
}

static void lengths_that_lie_are_reset(void **state)
{
#define POST(length) FIELD(":method", "POST") REST FIELD("content-length", length)
	struct peer *p = *state;

	hello(p);
	headers(p, END_HEADERS, 1, POST("3"));
	frame(p, DATA, END_STREAM, 1, "abcd", 4);
	headers(p, END_HEADERS, 3, POST("5"));
	frame(p, DATA, END_STREAM, 3, "abcd", 4);
	headers(p, END_HEADERS, 5, POST("5"));
	frame(p, DATA, 0, 5, "abcd", 4);
	frame(p, DATA, 0, 5, "ef", 2);
	headers(p, END_HEADERS, 7, POST("4"));
	frame(p, DATA, END_STREAM, 7, "abcd", 4);
	run(p);
	assert_int_equal(reset_of(p, 1), 1);
	assert_int_equal(reset_of(p, 3), 1);
	assert_int_equal(reset_of(p, 5), 1);
	assert_int_equal(status_of(p, 7), 200);
	assert_int_equal(p->asked_bytes, 4);
	assert_int_equal(p->n_asked, 1);
}

static void trailers_end_a_request(void **state)
{
	struct peer *p = *state;

	hello(p);
	headers(p, END_HEADERS, 1, FIELD(":method", "POST") REST);
	frame(p, DATA, 0, 1, "abc", 3);
	headers(p, END_STREAM | END_HEADERS, 1, FIELD("a", "b"));
	run(p);
	assert_int_equal(status_of(p, 1), 200);
	assert_int_equal(p->asked_bytes, 3);
	headers(p, END_HEADERS, 3, FIELD(":method", "POST") REST);
	headers(p, END_STREAM | END_HEADERS, 3, FIELD(":path", "/y"));
	headers(p, END_HEADERS, 5, FIELD(":method", "POST") REST);
	headers(p, END_HEADERS, 5, FIELD("a", "b")); // which do not end it
	run(p);
	assert_int_equal(reset_of(p, 3), 1);
	assert_true(reset_of(p, 5) == 1 || gone(p) == 1);
	assert_int_equal(p->n_asked, 1);
}

// --- Bounds --------------------------------------------------------------------------------------

static void streams_beyond_the_limit_are_refused(void **state)
{
	struct peer *p = *state;

	hello(p);
	run(p);
	for (uint32_t i = 0; i < STREAMS + 3; i++)
		headers(p, END_HEADERS, 2 * i + 1, FIELD(":method", "POST") REST);
	run(p);
	for (uint32_t i = 0; i < STREAMS; i++)
		assert_int_equal(reset_of(p, 2 * i + 1), -1);
	for (uint32_t i = STREAMS; i < STREAMS + 3; i++)
		assert_int_equal(reset_of(p, 2 * i + 1), 7);
	assert_int_equal(p->shared.refused[REFUSAL_STREAMS], 3);
	for (uint32_t i = 0; i < STREAMS; i++)
		frame(p, DATA, END_STREAM, 2 * i + 1, "", 0);
	run(p);
	assert_int_equal(p->n_asked, STREAMS);
	must_serve(p, 2 * STREAMS + 7);
	// Who has said that he knows the limit, and breaks it, is told so as well.
	frame(p, SETTINGS, ACK, 0, "", 0);
	for (uint32_t i = 0; i < STREAMS + 1; i++)
		headers(p, END_HEADERS, 2 * i + 101, FIELD(":method", "POST") REST);
	run(p);
	assert_true(reset_of(p, 2 * STREAMS + 101) == 7 || gone(p) == 1);
	assert_int_equal(p->n_asked, STREAMS + 1);
}

// The window of streams that are broken off is given back: the connection does not stop.
static void windows_of_broken_streams_come_back(void **state)
{
	static const char piece[16384];
	struct peer *p;

	begin_with((void **)&p, 1000);
	hello(p);
	for (uint32_t i = 0; i < 200; i++) {
		headers(p, END_HEADERS, 2 * i + 1, FIELD(":method", "POST") REST);
		for (int k = 0; k < 8; k++)
			frame(p, DATA, 0, 2 * i + 1, piece, sizeof(piece));
		frame_u32(p, RESET, 2 * i + 1, 8);
		run(p);
		p->n_got = 0;
	}
	assert_int_equal(p->shared.bound.held, 0);
	// 25 MiB came, of a window of 4 MiB: as much has been opened again, or this would be an error.
	assert_non_null(p->connection);
	headers(p, END_HEADERS, 401, FIELD(":method", "POST") REST);
	for (int k = 0; k < 8; k++)
		frame(p, DATA, k == 7 ? END_STREAM : 0, 401, piece, sizeof(piece));
	run(p);
	assert_int_equal(gone(p), -1);
	assert_int_equal(p->asked_bytes, 8 * sizeof(piece));
	end((void **)&p);
}

static void windows_do_not_overflow(void **state)
{
	struct peer *p = *state;

	hello(p);
	headers(p, END_HEADERS, 1, FIELD(":method", "POST") REST);
	frame_u32(p, WINDOW, 1, 0x7fffffff);
	run(p);
	assert_int_equal(reset_of(p, 1), 3);
	headers(p, END_HEADERS, 3, FIELD(":method", "POST") REST);
	frame_u32(p, WINDOW, 3, 0);
	run(p);
	assert_true(reset_of(p, 3) == 1 || gone(p) == 1);
	end((void **)&p);
	begin(state);
	p = *state;
	hello(p);
	frame_u32(p, WINDOW, 0, 0x7fffffff);
	run(p);
	assert_int_equal(gone(p), 3);
	assert_int_equal(p->shared.refused[REFUSAL_MALFORMED], 1);
}

// gRPC's C core sends such a one for a call that is cancelled early: frame_cut.h.
static void a_reset_of_a_stream_that_was_never_opened_is_passed_over(void **state)
{
	struct peer *p = *state;

	hello(p);
	frame_u32(p, RESET, 9, 8);
	headers(p, END_HEADERS | END_STREAM, 11, FIELD(":method", "GET") REST);
	run(p);
	assert_int_equal(gone(p), -1);
	assert_int_equal(p->n_asked, 1);
}

// Of a request whose answer has left, more may come for a while: curl forgets the answer where a reset follows at
// once.
static void an_answer_before_the_end_of_its_request_is_no_reset(void **state)
{
	static const char piece[16384];
	struct peer *p = *state;

	hello(p);
	headers(p, END_HEADERS, 1,
		FIELD(":method", "POST") REST FIELD("content-length", "2000000"));
	for (int k = 0; k < 8; k++)
		frame(p, DATA, 0, 1, piece, sizeof(piece));
	run(p);
	assert_int_equal(status_of(p, 1), 413);
	assert_int_equal(reset_of(p, 1), -1);
	for (int k = 0; k < 1000 && reset_of(p, 1) == -1; k++) {
		usleep(10000);
		run(p);
	}
	assert_int_equal(reset_of(p, 1), 0); // and then the peer is told to stop
	must_serve(p, 3);
}

static void sizes_must_be_those_of_the_kind(void **state)
{
	static const struct {
		uint8_t type;
		uint32_t stream, bytes;
		int code;
	} WRONG[] = { { PING, 0, 7, 6 }, { PING, 0, 9, 6 }, { SETTINGS, 0, 5, 6 },
		{ RESET, 1, 3, 6 }, { WINDOW, 0, 3, 6 }, { WINDOW, 1, 5, 6 }, { PRIORITY, 1, 4, 6 },
		{ GOAWAY, 0, 7, 6 }, { DATA, 1, 16385, 6 }, { HEADERS, 3, 16385, 6 },
		{ PING, 1, 8, 1 }, { SETTINGS, 1, 6, 1 }, { GOAWAY, 1, 8, 1 }, { DATA, 0, 1, 1 },
		{ HEADERS, 0, 1, 1 }, { RESET, 0, 4, 1 }, { CONTINUATION, 1, 5, 1 },
		{ PUSH, 1, 8, 1 }, { HEADERS, 2, 5, 1 }, { DATA, 9, 5, 1 } };
	static const char zeros[20000];

	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		struct peer *p;

		begin((void **)&p);
		hello(p);
		headers(p, END_HEADERS, 1, FIELD(":method", "POST") REST);
		frame(p, WRONG[i].type, END_HEADERS & (WRONG[i].type == HEADERS ? 255 : 0),
			WRONG[i].stream, zeros, WRONG[i].bytes);
		run(p);
		// A PRIORITY of another size is an error of its stream alone.
		if (gone(p) != WRONG[i].code && reset_of(p, WRONG[i].stream) != WRONG[i].code)
			fail_msg("case %zu: %d", i, gone(p));
		assert_int_equal(p->n_asked, 0);
		end((void **)&p);
	}
}

// --- Floods --------------------------------------------------------------------------------------

static void put_flood(struct peer *p, unsigned type, uint32_t i)
{
	static const uint8_t padded[3] = { 2 };

	switch (type) {
	case SETTINGS:
		frame(p, SETTINGS, 0, 0, "", 0);
		break;
	case PING:
		frame(p, PING, 0, 0, "12345678", 8);
		break;
	case WINDOW:
		frame_u32(p, WINDOW, 0, 1);
		break;
	case PRIORITY:
		frame(p, PRIORITY, 0, 2 * i + 3, "\0\0\0\0\1", 5);
		break;
	case DATA:
		frame(p, DATA, i % 2 ? 8 : 0, 1, padded, i % 2 ? sizeof(padded) : 0);
		break;
	case RESET:
		headers(p, END_HEADERS, 2 * i + 3, FIELD(":method", "POST") REST);
		frame_u32(p, RESET, 2 * i + 3, 8);
		break;
	case HEADERS: // which we have to reset
		headers(p, END_HEADERS | END_STREAM, 2 * i + 3, GET FIELD("connection", "close"));
		break;
	default: // unknown: to be passed over, but not for ever
		frame(p, type, 0, 0, "", 0);
	}
}

static void floods_end_the_connection(void **state)
{
	static const struct {
		unsigned type;
		enum refusal why;
	} KINDS[] = { { SETTINGS, REFUSAL_FLOOD }, { PING, REFUSAL_FLOOD },
		{ WINDOW, REFUSAL_FLOOD }, { PRIORITY, REFUSAL_FLOOD }, { DATA, REFUSAL_FLOOD },
		{ RESET, REFUSAL_RESETS }, { HEADERS, REFUSAL_RESETS }, { 99, REFUSAL_FLOOD } };

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		const unsigned few = KINDS[i].why == REFUSAL_RESETS ? 50 : 500;
		struct peer *p;

		begin((void **)&p);
		hello(p);
		headers(p, END_HEADERS, 1, FIELD(":method", "POST") REST);
		for (uint32_t k = 0; k < few; k++)
			put_flood(p, KINDS[i].type, k);
		run(p);
		if (gone(p) != -1) // as many are allowed
			fail_msg("kind %u: %d", KINDS[i].type, gone(p));
		for (uint32_t k = few; k < 40 * few / (few / 50) && p->connection; k++)
			put_flood(p, KINDS[i].type, k);
		run(p);
		if (p->shared.refused[KINDS[i].why] != 1 || gone(p) != 11)
			fail_msg("kind %u: %lu, %d", KINDS[i].type, p->shared.refused[KINDS[i].why],
				gone(p));
		assert_int_equal(p->n_asked, 0);
		end((void **)&p);
	}
}

static void continuations_are_bounded(void **state)
{
	struct peer *p = *state;

	hello(p);
	headers(p, END_STREAM, 1, GET);
	for (int i = 0; i < 1000; i++)
		frame(p, CONTINUATION, 0, 1, "", 0);
	run(p);
	assert_int_equal(gone(p), 11);
	assert_int_equal(p->shared.refused[REFUSAL_FLOOD], 1);
	assert_int_equal(p->n_asked, 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preface_may_be_cut_anywhere),
		cmocka_unit_test(another_preface_is_no_http2),
		CASE(headers_may_come_in_pieces),
		CASE(table_may_change_its_size),
		CASE(bombs_end_the_connection),
		CASE(large_headers_are_answered),
		cmocka_unit_test(malformed_requests_are_reset),
		CASE(connect_is_refused),
		CASE(lengths_that_lie_are_reset),
		CASE(trailers_end_a_request),
		CASE(streams_beyond_the_limit_are_refused),
		cmocka_unit_test(windows_of_broken_streams_come_back),
		CASE(windows_do_not_overflow),
		CASE(a_reset_of_a_stream_that_was_never_opened_is_passed_over),
		CASE(an_answer_before_the_end_of_its_request_is_no_reset),
		cmocka_unit_test(sizes_must_be_those_of_the_kind),
		cmocka_unit_test(floods_end_the_connection),
		CASE(continuations_are_bounded),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
