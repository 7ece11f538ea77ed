// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/carry.h"

#include "ctl/server/http/connection_state.h"
#include "ctl/server/http/session.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <string.h>

#define TURNS_MAX 8    // fillings of the output before others have their turn
#define LOOK_MS   1000 // between two looks at times and rates

enum carry_speech carry_judge(struct evbuffer *input)
{
	char begin[SESSION_PREFACE_BYTES];
	const ev_ssize_t n = evbuffer_copyout(input, begin, sizeof(begin));

	if (n <= 0 || memcmp(begin, SESSION_PREFACE, (size_t)n) != 0)
		return CARRY_HTTP1;
	return n == SESSION_PREFACE_BYTES ? CARRY_HTTP2 : CARRY_UNKNOWN;
}

static void carry_on_wake(int fd, short what, void *arg)
{
	carry(arg);
}

// Whatever it is that is to be sent: what else comes in this turn of the event loop goes with it.
static void carry_wake(void *arg)
{
	struct connection *c = arg;

	if (!c->is_advancing && !c->is_over)
		event_active(c->wake, EV_TIMEOUT, 0);
}

void carry_begin(struct connection *c)
{
	c->wake = event_new(c->shared->base, -1, 0, carry_on_wake, c);
	c->session = c->wake ? session_create(c->shared, &c->peer, carry_wake, c) : NULL;
	if (!c->session) {
		connection_end(c);
		return;
	}
	connection_enter(c, CONNECTION_NEW);
	c->quota = CARRY_REQUESTS;
	carry(c);
}

// The phase is its session's, and the deadline what the phase wants: silence ends, and while there are
// streams, or bytes to be sent, they are looked at now and then.
static void carry_settle(struct connection *c)
{
	const size_t unsent = connection_unsent(c);
	enum connection_phase phase = session_phase(c->session);
	const bool is_busy = session_has_streams(c->session) || unsent > 0;

	if (unsent == 0 && c->is_last) {
		connection_linger(c);
		return;
	}
	if (c->has_ended && !is_busy) {
		c->is_over = true;
		return;
	}
	if (unsent > 0 && (phase == CONNECTION_IDLE || phase == CONNECTION_NEW))
		phase = CONNECTION_WRITING;
	if (phase != c->phase)
		connection_enter(c, phase);
	if (is_busy && !c->is_ticking) {
		c->looked_ms = deadline_now_ms();
		c->left_mark = c->left;
		deadline_set(&c->deadline, c->looked_ms + LOOK_MS);
	} else if (!is_busy) {
		connection_end_after(c, c->since_ms, c->shared->limits.idle_seconds);
	}
	c->is_ticking = is_busy;
}

void carry(struct connection *c)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);
	int turns = 0;

	if (c->is_advancing || c->phase == CONNECTION_LINGERING)
		return;
	c->is_advancing = true;
	do {
		const size_t waiting = connection_unsent(c);

		// Who does not take his answers is read no further.
		if (waiting == 0 && !c->turn.is_waiting &&
			!session_read(c->session, bufferevent_get_input(c->bev), &c->quota))
			connection_wait_turn(c);
		if (!session_write(c->session, output))
			c->is_last = true;
		if (connection_unsent(c) == 0)
			break;
		connection_push(c);
	} while (!c->is_over && connection_unsent(c) == 0 && ++turns < TURNS_MAX);
	if (!c->is_over && turns == TURNS_MAX)
		connection_wait_turn(c);
	else if (!c->is_over)
		carry_settle(c);
	c->is_advancing = false;
	if (c->is_over)
		connection_end(c);
}

void carry_end(struct connection *c)
{
	uint32_t all = UINT32_MAX;

	c->is_advancing = true;
	session_read(c->session, bufferevent_get_input(c->bev), &all);
	session_end(c->session);
	c->is_advancing = false;
	carry(c);
}

// Whether as many bytes left, of those that could, as must in the time from the last look to this one.
static bool carry_is_read(struct connection *c, uint64_t now)
{
	const uint64_t least =
		(uint64_t)CONNECTION_RATE_SECONDS * c->shared->limits.bytes_per_second;
	bool is_read;

	if (now - c->looked_ms < CONNECTION_RATE_SECONDS * 1000)
		return true;
	is_read = connection_unsent(c) == 0 || c->left - c->left_mark >= least;
	c->looked_ms = now;
	c->left_mark = c->left;
	return is_read;
}

void carry_on_deadline(struct connection *c)
{
	const uint64_t now = deadline_now_ms();

	if (!c->is_ticking) {
		c->shared->refused[REFUSAL_IDLE]++;
		session_stop(c->session);
		carry(c);
		return;
	}
	if (!carry_is_read(c, now)) {
		connection_give_up(c);
		return;
	}
	c->is_advancing = true; // what it finds is sent below
	session_look(c->session);
	c->is_advancing = false;
	deadline_set(&c->deadline, now + LOOK_MS);
	carry(c);
}
