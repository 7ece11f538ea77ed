// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/gate.h"

#include "ctl/server/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS_BESIDE 1024 // for devices, peers of memif, the store: asked for
#define DESCRIPTORS_LEAST  64   // ... and what is left to them at the least
#define CONNECTIONS_LEAST  4    // let in however few descriptors there are
#define SILENT_MS          200  // no request has begun for so long: may be closed
#define SLOW_MS            5000 // a request has begun, and nothing more came for so long: may be, too
#define SAY_EVERY_MS       60000               // each of the warnings
#define BODY_BYTES_FREE    ((size_t)128 << 10) // of each request: never refused

enum gate_warning {
	GATE_NO_DESCRIPTORS,
	GATE_NO_CONNECTIONS,
	GATE_CLOSES_SILENT,
	GATE_NO_MEMORY,
	GATE_WARNINGS
};

struct gate_connection {
	struct gate *gate;
	struct evhttp_connection *evcon; // NULL: just accepted, and not yet looked at
	struct bufferevent *bev;
	uint64_t active_ms; // when it was accepted, sent something or got a reply
	size_t bytes;       // of the request at hand, headers included
	size_t room;        // what its body may have; set with its first byte
	bool has_asked;     // once, at least
	bool is_entered;    // complete, and not yet answered
	LIST_ENTRY(gate_connection) next;
};

struct gate {
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener; // evhttp's
	struct event *settle;
	struct gate_connection *fresh; // accepted in this turn of the event loop
	LIST_HEAD(, gate_connection) connections;
	size_t body_bytes_max; // of one request
	struct gate_figures figures;
	bool is_shut;                    // the listener is: until gate_let_in() opens it
	bool is_full;                    // somebody waits, and there is nobody to close for him
	bool has_no_descriptors;         // since the last try to accept
	uint64_t said_ms[GATE_WARNINGS]; // 0: never
	LIST_ENTRY(gate) next;
};

// libevent has no room for our pointer where it calls the listener's error callback (its argument is
// the evhttp) and evhttp_send_error().
static LIST_HEAD(, gate) gates = LIST_HEAD_INITIALIZER(gates);

static uint64_t gate_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Whether a warning is due, which is then taken as said.
static bool gate_says(struct gate *gate, enum gate_warning warning)
{
	uint64_t now = gate_now_ms();

	if (gate->said_ms[warning] && now - gate->said_ms[warning] < SAY_EVERY_MS)
		return false;
	gate->said_ms[warning] = now;
	return true;
}

// --- Memory --------------------------------------------------------------------------------------

// What a request holds of the bound: its first bytes are free, so that small ones always pass.
static size_t gate_held(const struct gate_connection *c)
{
	return c->bytes < BODY_BYTES_FREE ? 0 : c->bytes - BODY_BYTES_FREE;
}

static void gate_forget_bytes(struct gate_connection *c)
{
	c->gate->figures.body_bytes -= gate_held(c);
	c->bytes = 0;
}

// evhttp compares a body's length with this: an announced one at once, another as it grows.
static void gate_set_room(struct gate_connection *c, size_t room)
{
	c->room = room < BODY_BYTES_FREE ? BODY_BYTES_FREE : room;
	c->room = c->room < c->gate->body_bytes_max ? c->room : c->gate->body_bytes_max;
	evhttp_connection_set_max_body_size(c->evcon, (ev_ssize_t)c->room);
}

static void gate_on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct gate_connection *c = arg;
	struct gate_figures *f = &c->gate->figures;

	if (info->n_added == 0)
		return;
	c->active_ms = gate_now_ms();
	if (!c->evcon)
		return;
	if (c->bytes == 0 && f->body_bytes < f->body_bytes_max)
		gate_set_room(c, f->body_bytes_max - f->body_bytes);
	else if (c->bytes == 0)
		gate_set_room(c, 0);
	f->body_bytes -= gate_held(c);
	c->bytes += info->n_added;
	f->body_bytes += gate_held(c);
	if (gate_held(c) > 0 && f->body_bytes > f->body_bytes_max)
		gate_set_room(c, 0);
}

// Whether a body was refused that may not be too large by itself: one that says its length, or one in
// chunks.
static bool gate_lacks_room(const struct gate_connection *c, struct evhttp_request *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *length = evhttp_find_header(headers, "Content-Length");
	unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;

	if (c->room >= c->gate->body_bytes_max || announced > c->gate->body_bytes_max)
		return false;
	return announced > c->room || c->bytes > c->room ||
		evhttp_find_header(headers, "Transfer-Encoding");
}

bool gate_is_full(struct evhttp_request *request, struct error *err)
{
	const struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	const struct gate_connection *c;
	struct gate *gate;

	LIST_FOREACH(gate, &gates, next)
	{
		struct gate_figures *f = &gate->figures;

		LIST_FOREACH(c, &gate->connections, next)
		{
			if (c->evcon != evcon || !gate_lacks_room(c, request))
				continue;
			f->bodies_refused++;
			error_set(err, -EBUSY,
				"uploads under way hold %zu of the %zu MiB that "
				"control.upload_megabytes allows them together: try again later",
				f->body_bytes >> 20, f->body_bytes_max >> 20);
			if (gate_says(gate, GATE_NO_MEMORY))
				log_warning("api: an upload is refused: %s", err->text);
			return true;
		}
	}
	return false;
}

// --- Connections ---------------------------------------------------------------------------------

static void gate_on_close(struct evhttp_connection *evcon, void *arg)
{
	struct gate_connection *c = arg;

	gate_forget_bytes(c);
	c->gate->figures.connections--;
	LIST_REMOVE(c, next);
	free(c);
}

static void gate_on_complete(struct evhttp_request *request, void *arg)
{
	struct gate_connection *c = arg;

	gate_forget_bytes(c);
	c->is_entered = false;
	c->active_ms = gate_now_ms();
}

void gate_enter(struct gate *gate, struct evhttp_request *request)
{
	const struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	struct gate_connection *c;

	LIST_FOREACH(c, &gate->connections, next)
	{
		if (c->evcon != evcon)
			continue;
		c->is_entered = c->has_asked = true;
		evhttp_request_set_on_complete_cb(request, gate_on_complete, c);
		return;
	}
}

// Who goes first: who never asked anything, then whose request does not come on, then who may ask
// again. Who is not to go has the rank GATE_STAYS.
enum gate_rank { GATE_NEVER_ASKED, GATE_SLOW, GATE_ASKED, GATE_STAYS };

static enum gate_rank gate_rank(const struct gate_connection *c, uint64_t now)
{
	const uint64_t silent_ms = now - c->active_ms;

	if (c->is_entered || silent_ms < SILENT_MS)
		return GATE_STAYS;
	if (c->bytes > 0)
		return silent_ms < SLOW_MS ? GATE_STAYS : GATE_SLOW;
	return c->has_asked ? GATE_ASKED : GATE_NEVER_ASKED;
}

// Closes a connection that is silent: of those of the first rank that there is, up to `last`, the one
// that has been so longest. False where there is none.
static bool gate_close_silent(struct gate *gate, enum gate_rank last)
{
	struct gate_connection *c, *found = NULL;
	enum gate_rank best = GATE_STAYS;
	uint64_t now = gate_now_ms();

	LIST_FOREACH(c, &gate->connections, next)
	{
		enum gate_rank rank = gate_rank(c, now);

		if (rank > last || rank > best)
			continue;
		if (rank < best || c->active_ms < found->active_ms)
			found = c;
		best = rank;
	}
	if (!found)
		return false;
	gate->figures.closed_silent++;
	evhttp_connection_free(found->evcon); // which calls gate_on_close()
	return true;
}

static void gate_open_listener(struct gate *gate)
{
	gate->is_shut = gate->is_full = false;
	evconnlistener_enable(gate->listener);
}

static void gate_shut_listener(struct gate *gate)
{
	gate->is_shut = true;
	evconnlistener_disable(gate->listener);
}

static bool gate_somebody_waits(const struct gate *gate)
{
	struct pollfd listener = { evconnlistener_get_fd(gate->listener), POLLIN, 0 };

	return poll(&listener, 1, 0) == 1;
}

// Opens the listener where one more may come in, after closing a silent one if need be.
static void gate_let_in(struct gate *gate)
{
	struct gate_figures *f = &gate->figures;

	if (f->connections < f->connections_max) {
		gate_open_listener(gate);
		return;
	}
	gate_shut_listener(gate);
	if (!gate_somebody_waits(gate)) // looked at again at the next tick
		return;
	if (gate_close_silent(gate, GATE_ASKED)) {
		if (gate_says(gate, GATE_CLOSES_SILENT))
			log_warning(
				"api: %u connections are open, as many as control.connections "
				"allows: those silent longest are closed for new ones",
				f->connections_max);
		gate_open_listener(gate);
		return;
	}
	f->pauses += !gate->is_full;
	gate->is_full = true;
	if (gate_says(gate, GATE_NO_CONNECTIONS))
		log_warning(
			"api: %u connections are open and busy, as many as "
			"control.connections allows: accepting pauses until one ends",
			f->connections_max);
}

void gate_tick(struct gate *gate)
{
	if (gate->is_shut && !gate->fresh)
		gate_let_in(gate);
}

static void gate_on_accept_error(struct evconnlistener *listener, void *http)
{
	int why = errno;
	struct gate *gate;

	LIST_FOREACH(gate, &gates, next)
	{
		if (gate->http != http)
			continue;
		if (gate_says(gate, GATE_NO_DESCRIPTORS))
			log_warning(
				"api: no connection can be accepted: %s: accepting pauses "
				"until that is over%s",
				strerror(why),
				why == EMFILE ? "; raise LimitNOFILE of the service, or ulimit -n"
					      : "");
		gate->figures.pauses += !gate->has_no_descriptors;
		gate->has_no_descriptors = true;
		gate_shut_listener(gate);
		gate_close_silent(gate, GATE_SLOW);
		return;
	}
}

// evhttp makes the connection after this, and tells nobody: gate_settle() finds it. Until then
// nothing else is accepted.
static struct bufferevent *gate_make_bufferevent(struct event_base *base, void *arg)
{
	struct gate *gate = arg;
	struct gate_connection *c = calloc(1, sizeof(*c));
	struct bufferevent *bev = c ? bufferevent_socket_new(base, -1, 0) : NULL;

	if (!bev || !evbuffer_add_cb(bufferevent_get_input(bev), gate_on_input, c)) {
		free(c);
		return bev; // without memory: then it is not ours to count
	}
	c->gate = gate;
	c->bev = bev;
	c->active_ms = gate_now_ms();
	bufferevent_incref(bev); // evhttp frees it where it has no memory for the rest
	gate->fresh = c;
	evconnlistener_disable(gate->listener);
	event_active(gate->settle, EV_TIMEOUT, 0);
	return bev;
}

// The argument of a bufferevent's callbacks is the connection that evhttp made for it; NULL where it
// freed both again. tests/unit/test_gate.c fails should a libevent ever do otherwise.
static void gate_settle(int fd, short what, void *arg)
{
	struct gate *gate = arg;
	struct gate_connection *c = gate->fresh;
	struct bufferevent *bev = c->bev;
	void *evcon;

	gate->fresh = NULL;
	bufferevent_getcb(bev, NULL, NULL, NULL, &evcon);
	if (evcon) {
		c->evcon = evcon;
		LIST_INSERT_HEAD(&gate->connections, c, next);
		gate->figures.connections++;
		gate->figures.accepted++;
		evhttp_connection_set_closecb(evcon, gate_on_close, c);
	} else {
		bufferevent_disable(bev, EV_READ | EV_WRITE);
		evbuffer_remove_cb(bufferevent_get_input(bev), gate_on_input, c);
		free(c);
	}
	bufferevent_decref(bev);
	gate->has_no_descriptors = false;
	gate_let_in(gate);
}

// --- The gate ------------------------------------------------------------------------------------

static void gate_fit_descriptors(struct gate *gate, const struct gate_limits *limits)
{
	const rlim_t wanted = limits->connections + DESCRIPTORS_BESIDE;
	const rlim_t least = limits->connections + DESCRIPTORS_LEAST;
	struct rlimit limit;

	gate->figures.connections_max = limits->connections;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= least)
		return;
	gate->figures.connections_max = limit.rlim_cur > DESCRIPTORS_LEAST + CONNECTIONS_LEAST
		? (uint32_t)limit.rlim_cur - DESCRIPTORS_LEAST
		: CONNECTIONS_LEAST;
	log_warning(
		"api: control.connections is %u, but this process may have %llu descriptors: "
		"%u connections are let in; raise LimitNOFILE of the service, or ulimit -n",
		limits->connections, (unsigned long long)limit.rlim_cur,
		gate->figures.connections_max);
}

int gate_open(struct event_base *base, struct evhttp *http, int fd,
	const struct gate_limits *limits, struct gate **out, struct error *err)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		goto no_memory;
	gate->base = base;
	gate->http = http;
	gate->body_bytes_max = limits->body_bytes;
	gate->figures.body_bytes_max = limits->bodies_bytes;
	LIST_INIT(&gate->connections);
	LIST_INSERT_HEAD(&gates, gate, next);
	gate_fit_descriptors(gate, limits);
	gate->settle = event_new(base, -1, 0, gate_settle, gate);
	if (!gate->settle)
		goto no_memory;
	gate->listener = evconnlistener_new(
		base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 0, fd);
	if (!gate->listener)
		goto no_memory;
	fd = -1; // the listener's
	evhttp_set_bevcb(http, gate_make_bufferevent, gate);
	evconnlistener_set_error_cb(gate->listener, gate_on_accept_error);
	if (!evhttp_bind_listener(http, gate->listener)) {
		evconnlistener_free(gate->listener);
		goto no_memory;
	}
	*out = gate;
	return 0;
no_memory:
	if (fd >= 0)
		close(fd);
	gate_close(gate);
	return error_set(err, -ENOMEM, "no memory to accept connections");
}

void gate_close(struct gate *gate)
{
	if (!gate)
		return;
	if (gate->settle)
		event_free(gate->settle);
	if (gate->fresh) {
		bufferevent_decref(gate->fresh->bev);
		free(gate->fresh);
	}
	LIST_REMOVE(gate, next);
	free(gate);
}

void gate_figures(const struct gate *gate, struct gate_figures *figures)
{
	*figures = gate->figures;
}
