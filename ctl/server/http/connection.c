// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/connection.h"

#include "ctl/server/http/carry.h"
#include "ctl/server/http/connection_state.h"
#include "ctl/server/http/deadline.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/response.h"
#include "ctl/server/http/session.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_BYTES_MAX  ((size_t)128 << 10) // read ahead; more than the longest head
#define OUTPUT_BYTES_MAX ((size_t)256 << 10) // with more to be sent no other request is begun
#define READ_BYTES_MAX   ((size_t)64 << 10)  // at a time
#define BODY_BYTES_MAX   ((size_t)256 << 10) // likewise, of a body that goes to its place at once
// After the last answer: so long without a byte of what its request's body still is, and so long, or so much, with.
#define LINGER_MS        2000
#define LINGER_MAX_MS    30000
#define LINGER_MAX_BYTES ((size_t)256 << 20)

enum connection_phase connection_phase(const struct connection *c)
{
	return c->phase;
}

uint64_t connection_since_ms(const struct connection *c)
{
	return c->since_ms;
}

uint64_t connection_moved_ms(const struct connection *c)
{
	return c->moved_ms;
}

void connection_destroy(struct connection *c)
{
	connection_end(c);
}

void connection_close(struct connection *c, enum refusal why)
{
	c->shared->refused[why]++;
	connection_end(c);
}

void connection_drain(struct connection *c)
{
	if (c->session)
		session_drain(c->session);
}

bool connection_part(struct connection *c)
{
	int unread = 0;

	if (c->session || (c->phase != CONNECTION_NEW && c->phase != CONNECTION_IDLE))
		return true;
	if (ioctl(c->peer.fd, FIONREAD, &unread) == 0 && unread > 0)
		return false;
	connection_end(c);
	return true;
}

void connection_change(
	struct connection *c, unsigned serves, enum role role_max, bool needs_credential)
{
	c->peer.serves = serves;
	c->peer.role_max = role_max;
	// Who came over TLS without a certificate could, as long as a token was asked of him, and still needs one.
	c->peer.needs_credential = needs_credential || (c->peer.ssl && c->peer.needs_credential);
}

void connection_retire(struct connection *c)
{
	if (c->session) {
		connection_drain(c);
		return;
	}
	c->is_last = true;
	if (c->phase == CONNECTION_NEW || c->phase == CONNECTION_IDLE)
		connection_destroy(c);
}

__attribute__((format(printf, 3, 4))) static void connection_refuse(
	struct connection *c, enum refusal why, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->shared->refused[why]++;
	c->is_last = true; // where a next request would begin is not known
	http_fail(c->request, refusal_status(why), "%s", text);
}

// --- Answers -------------------------------------------------------------------------------------

static void connection_advance(struct connection *c);

static void connection_respond(struct http_request *request, const struct http_response *response)
{
	struct connection *c = request->stream;

	if (c && !response_has_room(c->shared, &c->peer, request, response_bytes(response))) {
		response_refuse(c->shared, request, response);
		return;
	}
	if (c) {
		c->is_last |= c->shared->says_close || !parser_keeps_alive(&request->head);
		if (response_write(bufferevent_get_output(c->bev), request, response, c->is_last) !=
			0)
			c->is_over = true;
		c->request = NULL;
		c->answered++;
		connection_enter(c,
			c->is_last || c->answered >= c->shared->limits.pipeline ||
					connection_unsent(c) > OUTPUT_BYTES_MAX
				? CONNECTION_WRITING
				: CONNECTION_IDLE);
	}
	if (response->buffer)
		evbuffer_free(response->buffer);
	request_destroy(request);
	if (c)
		connection_advance(c);
}

// Everything has left. What the peer sent meanwhile is gone on with when others have had their turns.
static void connection_sent(struct connection *c)
{
	c->answered = 0;
	if (c->phase == CONNECTION_WRITING && c->is_last) {
		connection_linger(c);
		return;
	}
	if (c->phase == CONNECTION_WRITING)
		connection_enter(c, CONNECTION_IDLE);
	if (c->phase == CONNECTION_IDLE &&
		(c->has_ended || evbuffer_get_length(bufferevent_get_input(c->bev)) > 0))
		connection_wait_turn(c);
}

static void connection_flush(struct connection *c)
{
	if (connection_unsent(c) == 0)
		return;
	connection_push(c);
	if (c->is_over)
		return;
	if (connection_unsent(c) == 0)
		connection_sent(c);
	else if (c->phase == CONNECTION_IDLE)
		connection_enter(c, CONNECTION_WRITING);
	else if (c->phase == CONNECTION_WRITING)
		c->mark = connection_unsent(c);
}

// --- Requests ------------------------------------------------------------------------------------

// There is nothing more to be read now. Where the peer has closed that is the end, once what it asked before
// is answered and has left.
static void connection_finish(struct connection *c)
{
	if (!c->has_ended)
		return;
	c->is_last = true;
	if (connection_unsent(c) > 0)
		connection_enter(c, CONNECTION_WRITING);
	else
		c->is_over = true;
}

static void connection_handle(struct connection *c)
{
	connection_enter(c, CONNECTION_HANDLING);
	c->shared->on_request(c->shared->arg, c->request);
}

// Whether the body is to be read at all. Where it is not, the next request's place is not known.
static bool connection_takes_body(struct connection *c)
{
	const struct connection_shared *shared = c->shared;
	const struct parser *head = &c->request->head;

	if (!shared->on_head || (!head->expects_continue && head->body_bytes <= BOUND_FREE_BYTES))
		return true;
	c->is_last = true;
	if (!shared->on_head(shared->arg, c->request))
		return false;
	c->is_last = false;
	return true;
}

static void connection_begin_body(struct connection *c)
{
	struct connection_shared *shared = c->shared;
	struct http_request *request = c->request;
	const uint64_t bytes = request->head.body_bytes;

	if (bytes > c->peer.body_bytes) {
		connection_refuse(c, REFUSAL_BODY_LARGE,
			"the body is too large: it may have %zu bytes", c->peer.body_bytes);
		return;
	}
	if (!connection_takes_body(c))
		return;
	if (!bound_admits(&shared->bound, (size_t)bytes, 0)) {
		connection_refuse(c, REFUSAL_BODIES_FULL,
			"uploads under way hold %zu of the %zu MiB that control.upload_megabytes "
			"allows them together: try again later",
			shared->bound.held >> 20, shared->bound.max >> 20);
		return;
	}
	if (!request_make_body(request, (size_t)bytes)) {
		connection_refuse(
			c, REFUSAL_NO_MEMORY, "no memory for a body of %zu bytes", (size_t)bytes);
		return;
	}
	if (request->head.expects_continue && request->head.minor == 1 &&
		evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
		evbuffer_add_printf(
			bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n");
	connection_enter(c, CONNECTION_BODY);
}

// Takes of the body what was read ahead, and then, past the bufferevent, what the socket has: the
// bufferevent reads 4 KiB at a time, and each of these is a turn of its own. Returns how many bytes. Of an end or an
// error the bufferevent hears, too.
static size_t connection_take_body(struct connection *c)
{
	struct http_request *request = c->request;
	struct evbuffer *input = bufferevent_get_input(c->bev);
	char *const to = request->body + request->got;
	const size_t left = request->body_bytes - request->got;
	const int n = evbuffer_remove(input, to, left);
	const size_t taken = n > 0 ? (size_t)n : 0;
	ssize_t more = 0;

	if (taken > 0 && taken < left && !c->peer.ssl && evbuffer_get_length(input) == 0)
		more = recv(c->peer.fd, to + taken,
			left - taken < BODY_BYTES_MAX ? left - taken : BODY_BYTES_MAX,
			MSG_DONTWAIT);
	return taken + (more > 0 ? (size_t)more : 0);
}

static bool connection_step_body(struct connection *c)
{
	struct connection_shared *shared = c->shared;
	struct http_request *request = c->request;
	const size_t n = connection_take_body(c);

	if (n == 0) {
		connection_finish(c);
		return false;
	}
	request->got += n;
	bound_share_set(&request->share, request->got);
	if (shared->bound.held > shared->bound.max)
		connection_refuse(c, REFUSAL_BODIES_FULL,
			"uploads under way hold all of the %zu MiB that control.upload_megabytes "
			"allows them together: try again later",
			shared->bound.max >> 20);
	else if (request->got == request->body_bytes)
		connection_handle(c);
	return true;
}

static bool connection_begin_request(struct connection *c)
{
	if (c->is_last || evbuffer_get_length(bufferevent_get_input(c->bev)) == 0) {
		connection_finish(c);
		return false;
	}
	if (c->quota == 0) {
		connection_wait_turn(c);
		return false;
	}
	c->quota--;
	c->request = request_create();
	if (!c->request) {
		c->is_over = true;
		return false;
	}
	shared_introduce(&c->peer, c->request);
	c->request->respond = connection_respond;
	c->request->stream = c;
	c->request->share.bound = &c->shared->bound;
	parser_begin(&c->request->head, c->shared->limits.head_bytes, !c->peer.is_local);
	connection_enter(c, CONNECTION_HEAD);
	return true;
}

static bool connection_step_head(struct connection *c)
{
	struct http_request *request = c->request;
	enum refusal why;
	struct error err;
	int rc = request_read_head(request, bufferevent_get_input(c->bev), &why, &err);

	if (rc == 0) {
		connection_finish(c);
		return false;
	}
	if (rc < 0)
		connection_refuse(c, why, "%s", err.text);
	else if (request->head.body_bytes > 0)
		connection_begin_body(c);
	else
		connection_handle(c);
	return true;
}

// Does the next piece of work, where there is one. Returns whether there may be another.
static bool connection_step(struct connection *c)
{
	switch (c->phase) {
	case CONNECTION_NEW:
	case CONNECTION_IDLE:
		return connection_begin_request(c);
	case CONNECTION_HEAD:
		return connection_step_head(c);
	case CONNECTION_BODY:
		return connection_step_body(c);
	default:
		return false;
	}
}

static void connection_advance(struct connection *c)
{
	if (c->is_advancing)
		return;
	c->is_advancing = true;
	while (!c->is_over && connection_step(c))
		;
	if (!c->is_over)
		connection_flush(c);
	c->is_advancing = false;
	if (c->is_over)
		connection_end(c);
}

static void connection_on_turn(void *arg)
{
	struct connection *c = arg;

	c->quota = c->shared->limits.pipeline;
	if (c->session)
		carry(c);
	else if (c->phase == CONNECTION_IDLE || c->phase == CONNECTION_NEW)
		connection_advance(c);
}

// --- Events --------------------------------------------------------------------------------------

static void connection_on_read(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);

	c->moved_ms = deadline_now_ms();
	if (c->phase == CONNECTION_NEW && !c->session && !c->is_http1) {
		const enum carry_speech speech = carry_judge(input);

		if (speech == CARRY_UNKNOWN)
			return;
		if (speech == CARRY_HTTP2) {
			carry_begin(c);
			return;
		}
	}
	if (c->phase == CONNECTION_LINGERING) {
		c->lingered += evbuffer_get_length(input);
		evbuffer_drain(input, evbuffer_get_length(input));
		if (c->lingered > LINGER_MAX_BYTES)
			connection_end(c);
		else if (c->moved_ms - c->since_ms < LINGER_MAX_MS)
			deadline_set(&c->deadline, c->moved_ms + LINGER_MS);
	} else if (c->session) {
		c->quota = CARRY_REQUESTS;
		carry(c);
	} else if (c->phase != CONNECTION_WRITING && !c->turn.is_waiting) { // so does what came
		c->quota = 1;
		connection_advance(c);
	}
}

static void connection_on_write(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	if (connection_unsent(c) > 0)
		return;
	bufferevent_disable(bev, EV_WRITE);
	if (c->session) {
		carry(c);
		return;
	}
	c->is_advancing = true;
	connection_sent(c);
	c->is_advancing = false;
	if (c->is_over)
		connection_end(c);
}

// The peer has closed, perhaps only its own side: what it asked before is answered still.
static void connection_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;
	const unsigned char *protocol;
	unsigned bytes = 0;

	if (what & BEV_EVENT_CONNECTED) {
		c->is_secured = true;
		c->shared->on_secured(c->owner);
		SSL_get0_alpn_selected(c->peer.ssl, &protocol, &bytes);
		c->is_http1 = bytes > 2; // "http/1.1"; otherwise "h2", or nothing was agreed on
		if (bytes == 2)
			carry_begin(c);
		return;
	}
	if (c->peer.ssl && !c->is_secured) {
		connection_close(c, REFUSAL_HANDSHAKE);
		return;
	}
	if (what & BEV_EVENT_EOF)
		c->has_ended = true;
	if (what & BEV_EVENT_ERROR || c->phase == CONNECTION_LINGERING)
		connection_end(c);
	else if (c->session)
		carry_end(c);
	else
		connection_advance(c);
}

// Whether as many bytes came, or went, as must in the time from the last look to this one.
static bool connection_is_fast(struct connection *c)
{
	const size_t least = (size_t)CONNECTION_RATE_SECONDS * c->shared->limits.bytes_per_second;
	const size_t at = c->phase == CONNECTION_BODY ? c->request->got : connection_unsent(c);
	const size_t moved = c->phase == CONNECTION_BODY ? at - c->mark : c->mark - at;

	c->mark = at;
	return moved >= least;
}

// Each case but the rates' ends the request or the connection, which is not to be touched then.
static void connection_on_deadline(void *arg)
{
	struct connection *c = arg;
	const struct connection_limits *limits = &c->shared->limits;

	if (c->session && c->phase != CONNECTION_LINGERING) {
		carry_on_deadline(c);
		return;
	}
	switch (c->phase) {
	case CONNECTION_HEAD:
		connection_refuse(c, REFUSAL_HEAD_SLOW, "the header was not complete after %u s",
			limits->head_seconds);
		return;
	case CONNECTION_LINGERING:
		connection_end(c);
		return;
	case CONNECTION_BODY:
	case CONNECTION_WRITING:
		if (connection_is_fast(c)) {
			connection_end_after(c, deadline_now_ms(), CONNECTION_RATE_SECONDS);
		} else if (c->phase == CONNECTION_BODY) {
			connection_refuse(c, REFUSAL_BODY_SLOW,
				"the body came slower than %u bytes a second",
				limits->bytes_per_second);
		} else {
			connection_give_up(c);
		}
		return;
	default:
		connection_close(
			c, c->peer.ssl && !c->is_secured ? REFUSAL_HANDSHAKE : REFUSAL_IDLE);
	}
}

struct connection *connection_create(
	struct connection_shared *shared, const struct connection_peer *peer, void *owner)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c) {
		SSL_free(peer->ssl);
		close(peer->fd);
		shared->on_end(owner);
		return NULL;
	}
	c->shared = shared;
	c->peer = *peer;
	c->owner = owner;
	c->turn = (struct turn){ .go = connection_on_turn, .arg = c };
	if (!connection_open(c, connection_on_deadline)) {
		connection_end(c);
		return NULL;
	}
	bufferevent_setcb(c->bev, connection_on_read, connection_on_write, connection_on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_BYTES_MAX);
	bufferevent_set_max_single_read(c->bev, READ_BYTES_MAX);
	bufferevent_disable(c->bev, EV_WRITE); // see connection_flush()
	bufferevent_enable(c->bev, EV_READ);
	connection_enter(c, CONNECTION_NEW);
	return c;
}
