// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/connection_state.h"

#include "ctl/server/http/session.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS                                                                                  \
	2000 // after the last answer, for the first byte of what its request's body still is

size_t connection_unsent(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

// --- Phases and deadlines ------------------------------------------------------------------------

void connection_end_after(struct connection *c, uint64_t from_ms, uint64_t seconds)
{
	deadline_set(&c->deadline, from_ms + seconds * 1000);
}

void connection_enter(struct connection *c, enum connection_phase phase)
{
	const struct connection_limits *limits = &c->shared->limits;
	const uint64_t now = deadline_now_ms();
	const bool was_new = c->phase == CONNECTION_NEW;

	c->phase = phase;
	c->since_ms = c->moved_ms = now;
	if (c->session && phase != CONNECTION_LINGERING) { // carry.c sets the deadlines of these
		c->shared->on_phase(c->owner);
		return;
	}
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

	c->left += info->n_deleted;
	bound_change(&c->shared->bound, info->orig_size,
		info->orig_size + info->n_added - info->n_deleted);
}

void connection_end(struct connection *c)
{
	const bool is_handled = c->phase == CONNECTION_HANDLING;

	c->is_over = true;
	if (c->is_advancing)
		return;
	if (c->request && is_handled) // it is its handler's from here on
		c->request->stream = NULL;
	else
		request_destroy(c->request);
	session_destroy(c->session);
	if (c->wake)
		event_free(c->wake);
	turn_leave(&c->shared->turns, &c->turn);
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

// To close while the peer still sends would take back what it has not read yet: it closes first, or
// the deadline does.
void connection_linger(struct connection *c)
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

// --- Its beginning ---

bool connection_open(struct connection *c, void (*expire)(void *arg))
{
	const struct connection_peer *peer = &c->peer;

	// With TLS callbacks are called within what is called here, unless they are deferred.
	c->bev = peer->ssl
		? bufferevent_openssl_socket_new(c->shared->base, peer->fd, peer->ssl,
			  BUFFEREVENT_SSL_ACCEPTING,
			  BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)
		: bufferevent_socket_new(c->shared->base, peer->fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev || !deadline_init(&c->deadline, c->shared->base, expire, c) ||
		!evbuffer_add_cb(bufferevent_get_output(c->bev), connection_on_output, c))
		return false;
	if (peer->ssl) // many clients close without saying so
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	return true;
}

// Sends at once what the socket takes, and leaves the rest to the bufferevent, which would otherwise
// wait for the event loop to say that the socket can be written. With TLS it does not wait.
void connection_push(struct connection *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	int n = 0;

	if (!c->peer.ssl) {
		evbuffer_unfreeze(out, 1);
		n = evbuffer_write(out, c->peer.fd);
		evbuffer_freeze(out, 1);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->is_over = true;
	else if (c->peer.ssl || evbuffer_get_length(out) > 0)
		bufferevent_enable(c->bev, EV_WRITE);
}

void connection_wait_turn(struct connection *c)
{
	if (!turn_wait(&c->shared->turns, c->shared->base, &c->turn))
		c->is_over = true;
}

void connection_give_up(struct connection *c)
{
	const struct linger at_once = { .l_onoff = 1 };

	setsockopt(c->peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	c->shared->refused[REFUSAL_READS_SLOWLY]++;
	connection_end(c);
}
