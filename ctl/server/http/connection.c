// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/connection.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/response.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_BYTES_MAX  ((size_t)128 << 10) // read ahead; more than the longest head
#define OUTPUT_BYTES_MAX ((size_t)256 << 10) // with more to be sent no other request is begun
#define READ_BYTES_MAX   ((size_t)64 << 10)  // at a time
// After the last answer: so long without a byte of what its request's body still is, and so long, or so much, with.
#define LINGER_MS        2000
#define LINGER_MAX_MS    30000
#define LINGER_MAX_BYTES ((size_t)256 << 20)

struct connection {
	struct connection_shared *shared;
	struct connection_peer peer;
	void *owner;
	struct bufferevent *bev;
	enum connection_phase phase;
	bool is_advancing; // connection_advance() is at work, and will see whatever is set below
	bool is_over;      // to be destroyed as soon as it is not
	bool is_last;      // no other request is read
	bool has_ended;    // the peer sends no more
	bool is_secured;   // TLS is agreed on
	uint64_t since_ms, moved_ms;
	struct deadline deadline;     // of the phase
	size_t lingered;              // bytes that came after the last answer
	struct http_request *request; // being read, or handled
	size_t mark;       // of the body, or still to be sent, when the rate was last looked at
	uint32_t answered; // since everything had left
};

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

static size_t connection_unsent(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

// --- Phases and deadlines ------------------------------------------------------------------------

static void connection_end_after(struct connection *c, uint64_t from_ms, uint64_t seconds)
{
	deadline_set(&c->deadline, from_ms + seconds * 1000);
}

static void connection_enter(struct connection *c, enum connection_phase phase)
{
	const struct connection_limits *limits = &c->shared->limits;
	const uint64_t now = deadline_now_ms();
	const bool was_new = c->phase == CONNECTION_NEW;

	c->phase = phase;
	c->since_ms = c->moved_ms = now;
	switch (phase) {
	case CONNECTION_NEW:
		connection_end_after(c, now, limits->head_seconds);
		break;
	case CONNECTION_IDLE:
		connection_end_after(c, now, limits->idle_seconds);
		break;
	case CONNECTION_HEAD:
		if (!was_new)
			connection_end_after(c, now, limits->head_seconds);
		break;
	case CONNECTION_BODY:
	case CONNECTION_WRITING:
		c->mark = phase == CONNECTION_BODY ? c->request->got : connection_unsent(c);
		connection_end_after(c, now, CONNECTION_RATE_SECONDS);
		break;
	case CONNECTION_HANDLING:
		deadline_set(&c->deadline, DEADLINE_NEVER);
		break;
	case CONNECTION_LINGERING:
		deadline_set(&c->deadline, now + LINGER_MS);
		break;
	}
	c->shared->on_phase(c->owner);
}

// --- Its end -------------------------------------------------------------------------------------

// An answer has come to those that are to be sent, or a part of them has left.
static void connection_on_output(
	struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;

	bound_change(&c->shared->bound, info->orig_size,
		info->orig_size + info->n_added - info->n_deleted);
}

void connection_destroy(struct connection *c)
{
	const bool is_handled = c->phase == CONNECTION_HANDLING;

	c->is_over = true;
	if (c->is_advancing)
		return;
	if (c->request && is_handled) // it is its handler's from here on
		c->request->stream = NULL;
	else
		request_destroy(c->request);
	deadline_fini(&c->deadline);
	if (c->bev) {
		bound_change(&c->shared->bound, connection_unsent(c), 0);
		evbuffer_remove_cb(bufferevent_get_output(c->bev), connection_on_output, c);
		bufferevent_free(c->bev);
	} else {
		SSL_free(c->peer.ssl);
		close(c->peer.fd);
	}
	c->shared->on_end(c->owner);
	free(c);
}

void connection_close(struct connection *c, enum refusal why)
{
	c->shared->refused[why]++;
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

// To close while the peer still sends would take back what it has not read yet: it closes first, or
// the deadline does.
static void connection_linger(struct connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);

	if (c->peer.ssl)
		SSL_shutdown(c->peer.ssl);
	shutdown(c->peer.fd, SHUT_WR);
	evbuffer_drain(input, evbuffer_get_length(input));
	if (c->has_ended)
		c->is_over = true;
	else
		connection_enter(c, CONNECTION_LINGERING);
}

// --- Answers -------------------------------------------------------------------------------------

static void connection_advance(struct connection *c);

// Whether an answer may wait to be sent. Those of the operator always may.
static bool connection_fits(const struct connection *c, const struct http_request *request,
	const struct http_response *response)
{
	return c->peer.is_local || request->head.method == HTTP_HEAD ||
		bound_admits(&c->shared->bound, response_bytes(response), request->got);
}

static void connection_respond(struct http_request *request, const struct http_response *response)
{
	struct connection *c = request->stream;

	if (c && !connection_fits(c, request, response)) {
		if (response->buffer)
			evbuffer_free(response->buffer);
		c->shared->refused[REFUSAL_BODIES_FULL]++;
		request->header_bytes = 0;
		http_add_header(request, "Retry-After", "1");
		http_fail(request, refusal_status(REFUSAL_BODIES_FULL),
			"there is no room for the answer: uploads and answers under way hold %zu "
			"of the %zu MiB that control.upload_megabytes allows them together: try "
			"again later",
			c->shared->bound.held >> 20, c->shared->bound.max >> 20);
		return;
	}
	if (c) {
		c->is_last |= c->shared->is_draining || !parser_keeps_alive(&request->head);
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

// Everything has left. What the peer sent meanwhile is gone on with in the next turn of the event loop,
// so that others have theirs.
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
		bufferevent_trigger(
			c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

// Sends at once what the socket takes, and leaves the rest to the bufferevent, which would otherwise
// wait for the event loop to say that the socket can be written. With TLS it does not wait.
static void connection_flush(struct connection *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	int n = 0;

	if (evbuffer_get_length(out) == 0)
		return;
	if (c->peer.ssl) {
		bufferevent_enable(c->bev, EV_WRITE);
	} else {
		evbuffer_unfreeze(out, 1);
		n = evbuffer_write(out, c->peer.fd);
		evbuffer_freeze(out, 1);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		c->is_over = true;
	} else if (evbuffer_get_length(out) == 0) {
		connection_sent(c);
	} else {
		bufferevent_enable(c->bev, EV_WRITE);
		if (c->phase == CONNECTION_IDLE)
			connection_enter(c, CONNECTION_WRITING);
		else if (c->phase == CONNECTION_WRITING)
			c->mark = connection_unsent(c);
	}
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

static bool connection_step_body(struct connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	struct connection_shared *shared = c->shared;
	struct http_request *request = c->request;
	int n = evbuffer_remove(
		input, request->body + request->got, request->body_bytes - request->got);

	if (n <= 0) {
		connection_finish(c);
		return false;
	}
	bound_change(&shared->bound, request->got, request->got + (size_t)n);
	request->got += (size_t)n;
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
	c->request = request_create();
	if (!c->request) {
		c->is_over = true;
		return false;
	}
	c->request->uid = c->peer.uid;
	c->request->is_admitted = c->peer.is_admitted;
	c->request->serves = c->peer.serves;
	c->request->peer = c->peer.text;
	c->request->respond = connection_respond;
	c->request->stream = c;
	c->request->bound = &c->shared->bound;
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
		connection_destroy(c);
}

// --- Events --------------------------------------------------------------------------------------

static void connection_on_read(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);

	c->moved_ms = deadline_now_ms();
	if (c->phase == CONNECTION_LINGERING) {
		c->lingered += evbuffer_get_length(input);
		evbuffer_drain(input, evbuffer_get_length(input));
		if (c->lingered > LINGER_MAX_BYTES)
			connection_destroy(c);
		else if (c->moved_ms - c->since_ms < LINGER_MAX_MS)
			deadline_set(&c->deadline, c->moved_ms + LINGER_MS);
	} else if (c->phase != CONNECTION_WRITING) // then it waits, and so does what came
		connection_advance(c);
}

static void connection_on_write(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	if (connection_unsent(c) > 0)
		return;
	bufferevent_disable(bev, EV_WRITE);
	c->is_advancing = true;
	connection_sent(c);
	c->is_advancing = false;
	if (c->is_over)
		connection_destroy(c);
}

// The peer has closed, perhaps only its own side: what it asked before is answered still.
static void connection_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;

	if (what & BEV_EVENT_CONNECTED) {
		c->is_secured = true;
		return;
	}
	if (c->peer.ssl && !c->is_secured) {
		connection_close(c, REFUSAL_HANDSHAKE);
		return;
	}
	if (what & BEV_EVENT_EOF)
		c->has_ended = true;
	if (what & BEV_EVENT_ERROR || c->phase == CONNECTION_LINGERING)
		connection_destroy(c);
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
	// What is left in the socket of somebody who does not read it is thrown away.
	const struct linger at_once = { .l_onoff = 1 };

	switch (c->phase) {
	case CONNECTION_HEAD:
		connection_refuse(c, REFUSAL_HEAD_SLOW, "the header was not complete after %u s",
			limits->head_seconds);
		return;
	case CONNECTION_LINGERING:
		connection_destroy(c);
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
			setsockopt(c->peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
			connection_close(c, REFUSAL_READS_SLOWLY);
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
	// With TLS callbacks are called within what is called here, unless they are deferred.
	c->bev = peer->ssl ? bufferevent_openssl_socket_new(shared->base, peer->fd, peer->ssl,
				     BUFFEREVENT_SSL_ACCEPTING,
				     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)
			   : bufferevent_socket_new(shared->base, peer->fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev || !deadline_init(&c->deadline, shared->base, connection_on_deadline, c) ||
		!evbuffer_add_cb(bufferevent_get_output(c->bev), connection_on_output, c)) {
		connection_destroy(c);
		return NULL;
	}
	if (peer->ssl) // many clients close without saying so
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, connection_on_read, connection_on_write, connection_on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_BYTES_MAX);
	bufferevent_set_max_single_read(c->bev, READ_BYTES_MAX);
	bufferevent_disable(c->bev, EV_WRITE); // see connection_flush()
	bufferevent_enable(c->bev, EV_READ);
	connection_enter(c, CONNECTION_NEW);
	return c;
}
