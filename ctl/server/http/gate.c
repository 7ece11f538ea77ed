// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/gate.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/gate_room.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/pace.h"
#include "ctl/server/log.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 16 // of the event loop, of one door

// --- Connections ---------------------------------------------------------------------------------

static void gate_on_phase(void *owner)
{
	struct gate_member *member = owner;

	TAILQ_REMOVE(&member->gate->members, member, by_age);
	TAILQ_INSERT_TAIL(&member->gate->members, member, by_age);
}

static void gate_secured(struct gate_member *member)
{
	struct gate *gate = member->gate;

	if (!member->is_securing)
		return;
	member->is_securing = false;
	gate->n_securing--;
	TAILQ_REMOVE(&gate->securing, member, by_coming);
	gate_room_reopen(gate, true);
}

static void gate_on_secured(void *owner)
{
	gate_secured(owner);
}

static void gate_on_end(void *owner)
{
	struct gate_member *member = owner;
	struct gate *gate = member->gate;

	gate_secured(member);
	gate->connections--;
	gate->n_remote -= member->address.family != 0;
	TAILQ_REMOVE(&gate->members, member, by_age);
	LIST_REMOVE(member, by_address);
	free(member);
}

// Answers a connection that is not let in. That is an attempt: what does not fit into its socket at once
// is lost.
static void gate_turn_away(struct gate *gate, const struct gate_door *door, int fd)
{
	static const char BODY[] =
		"{\"error\":\"this address has as many connections as it may: close some first\"}";
	char answer[512];
	const int bytes = snprintf(answer, sizeof(answer),
		"HTTP/1.1 429 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Retry-After: 1\r\nConnection: close\r\n\r\n%s",
		http_reason(429), strlen(BODY), BODY);
	char unread[4096];

	gate->shared.refused[REFUSAL_ADDRESS_FULL]++;
	// What was sent and is not read would take the answer back when the socket is closed.
	for (int i = 0; i < 4 && recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0; i++)
		;
	if (!door->tls)
		send(fd, answer, (size_t)bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void gate_admit(struct gate *gate, const struct gate_door *door, int fd,
	const struct sockaddr_storage *from)
{
	struct connection_peer peer = { .fd = fd,
		.is_local = door->is_local,
		.is_late = gate->shared.is_draining,
		.serves = door->serves,
		.role_max = door->role_max,
		.needs_credential = door->needs_credential,
		.who = { .uid = (uid_t)-1, .name = "anonymous" },
		.body_bytes = door->body_bytes };
	struct gate_member *member;
	struct connection *c;
	struct ucred process;
	socklen_t size = sizeof(process);
	const int yes = 1;

	peer.ssl = door->tls ? tls_accept(door->tls) : NULL;
	member = calloc(1, sizeof(*member));
	if (!member || (door->tls && !peer.ssl)) {
		SSL_free(peer.ssl);
		free(member);
		close(fd);
		return;
	}
	member->gate = gate;
	member->door = door->fd;
	member->is_late = peer.is_late;
	if (door->is_local) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0)
			peer.who.uid = process.uid;
		snprintf(peer.text, sizeof(peer.text), "uid %u", peer.who.uid);
		snprintf(peer.who.name, sizeof(peer.who.name), "%s", peer.text);
	} else {
		peer.address = member->address = gate_address_of(from);
		peer.is_loopback = gate_address_is_loopback(from);
		gate_address_text(from, peer.text, sizeof(peer.text));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	}
	gate->connections++;
	gate->n_remote += member->address.family != 0;
	gate->accepted++;
	member->came_ms = deadline_now_ms();
	member->is_securing = door->tls;
	gate->n_securing += member->is_securing;
	if (member->is_securing)
		TAILQ_INSERT_TAIL(&gate->securing, member, by_coming);
	TAILQ_INSERT_TAIL(&gate->members, member, by_age);
	LIST_INSERT_HEAD(gate_room_bucket(gate, &member->address), member, by_address);
	c = connection_create(&gate->shared, &peer, member);
	if (c) // otherwise the member is gone already
		member->connection = c;
}

// A handshake takes the control thread the time of a signature, and costs its peer next to nothing: of an address
// that begins too many nothing is read. False: it is closed.
static bool gate_paces(struct gate *gate, const struct gate_door *door, int fd,
	const struct sockaddr_storage *from, const struct gate_address *address)
{
	const struct linger at_once = { .l_onoff = 1 };
	char text[REQUEST_PEER_BYTES];

	if (!door->tls ||
		pace_admits(
			gate->handshakes, address, gate->handshakes_per_second, deadline_now_ms()))
		return true;
	gate->shared.refused[REFUSAL_HANDSHAKE_RATE]++;
	if (gate_room_says(gate, GATE_HANDSHAKE_RATE)) {
		gate_address_text(from, text, sizeof(text));
		log_warning(
			"api: %s begins more handshakes of TLS than the %u a second that "
			"control.handshakes_per_second allows an address: more are closed",
			text, gate->handshakes_per_second);
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)); // a flood leaves nothing
	close(fd);
	return false;
}

static void gate_let_in(
	struct gate_listening *listening, int fd, const struct sockaddr_storage *from)
{
	struct gate *gate = listening->gate;
	const struct gate_door *door = &listening->door;
	const struct gate_address address = gate_address_of(from);

	if (!door->is_local && !gate_paces(gate, door, fd, from, &address))
		return;
	if (door->is_local || gate_room_has_address(gate, &address))
		gate_admit(gate, door, fd, from);
	else
		gate_turn_away(gate, door, fd);
}

static void gate_on_accept(int fd, short what, void *arg)
{
	struct gate_listening *listening = arg;
	struct gate *gate = listening->gate;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t size = sizeof(from);
		bool was_full = !gate_room_is_there(gate, &listening->door);
		int peer;

		// That somebody waits is known of the first one only.
		if (was_full && (i > 0 || !gate_room_make(listening)))
			return;
		peer = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				gate_room_lacks_descriptors(listening, errno);
			return;
		}
		gate->has_no_descriptors = false;
		gate_let_in(listening, peer, &from);
	}
}

// --- The gate ------------------------------------------------------------------------------------

void gate_tick(struct gate *gate)
{
	const uint64_t refused = gate->shared.refused[REFUSAL_BODIES_FULL];

	gate_room_reopen(gate, false);
	if (gate->bodies_said != refused && gate_room_says(gate, GATE_NO_MEMORY))
		log_warning(
			"api: uploads are refused: others under way hold what "
			"control.upload_megabytes allows them together, %zu MiB",
			gate->shared.bound.max >> 20);
	gate->bodies_said = refused;
}

int gate_create(struct event_base *base, const struct gate_limits *limits,
	bool (*on_head)(void *arg, struct http_request *request),
	void (*on_request)(void *arg, struct http_request *request), void *arg, struct gate **out,
	struct error *err)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (gate)
		gate->handshakes = pace_create();
	if (!gate || !gate->handshakes) {
		free(gate);
		return error_set(err, -ENOMEM, "no memory to accept connections");
	}
	gate->shared = (struct connection_shared){ .base = base,
		.limits = limits->each,
		.bound.max = limits->bodies_bytes,
		.on_head = on_head,
		.on_request = on_request,
		.arg = arg,
		.on_phase = gate_on_phase,
		.on_secured = gate_on_secured,
		.on_end = gate_on_end };
	LIST_INIT(&gate->doors);
	TAILQ_INIT(&gate->members);
	TAILQ_INIT(&gate->securing);
	for (size_t i = 0; i < ADDRESS_BUCKETS; i++)
		LIST_INIT(&gate->addresses[i]);
	gate_room_fit(gate, limits);
	*out = gate;
	return 0;
}

static void gate_close_door(struct gate_listening *listening)
{
	if (listening->accept)
		event_free(listening->accept);
	close(listening->door.fd);
	LIST_REMOVE(listening, next);
	free(listening);
}

int gate_open(struct gate *gate, const struct gate_door *door, struct error *err)
{
	struct gate_listening *listening = calloc(1, sizeof(*listening));

	if (!listening) {
		close(door->fd);
		return error_set(err, -ENOMEM, "no memory to accept connections");
	}
	listening->gate = gate;
	listening->door = *door;
	LIST_INSERT_HEAD(&gate->doors, listening, next);
	listening->accept = event_new(
		gate->shared.base, door->fd, EV_READ | EV_PERSIST, gate_on_accept, listening);
	if (listening->accept && event_add(listening->accept, NULL) == 0)
		return 0;
	gate_close_door(listening);
	return error_set(err, -ENOMEM, "no memory to accept connections");
}

static struct gate_listening *gate_find_door(const struct gate *gate, int fd)
{
	struct gate_listening *listening;

	LIST_FOREACH(listening, &gate->doors, next)
	if (listening->door.fd == fd)
		return listening;
	return NULL;
}

void gate_change(struct gate *gate, const struct gate_door *door)
{
	struct gate_listening *listening = gate_find_door(gate, door->fd);
	struct gate_member *member;

	if (!listening)
		return;
	listening->door = *door;
	TAILQ_FOREACH(member, &gate->members, by_age)
	if (member->door == door->fd)
		connection_change(
			member->connection, door->serves, door->role_max, door->needs_credential);
}

void gate_close(struct gate *gate, int fd)
{
	struct gate_listening *listening = gate_find_door(gate, fd);
	struct gate_member *member, *next;

	if (!listening)
		return;
	for (member = TAILQ_FIRST(&gate->members); member; member = next) {
		next = TAILQ_NEXT(member, by_age);
		if (member->door == fd)
			connection_retire(member->connection);
	}
	gate_close_door(listening);
}

void gate_limit(struct gate *gate, const struct gate_limits *limits)
{
	gate->shared.limits = limits->each;
	gate->shared.bound.max = limits->bodies_bytes;
	gate_room_fit(gate, limits);
}

void gate_destroy(struct gate *gate)
{
	struct gate_listening *door, *next;

	if (!gate)
		return;
	for (door = LIST_FIRST(&gate->doors); door; door = next) {
		next = LIST_NEXT(door, next);
		gate_close_door(door);
	}
	while (!TAILQ_EMPTY(&gate->members))
		connection_destroy(TAILQ_FIRST(&gate->members)->connection);
	pace_destroy(gate->handshakes);
	turns_fini(&gate->shared.turns);
	free(gate);
}

void gate_say_close(struct gate *gate)
{
	gate->shared.says_close = true;
}

void gate_drain(struct gate *gate)
{
	struct gate_member *member;

	gate_say_close(gate);
	gate->shared.is_draining = true;
	TAILQ_FOREACH(member, &gate->members, by_age)
	connection_drain(member->connection);
}

void gate_serve_streams(struct gate *gate, const struct stream_service *service, void *arg)
{
	gate->shared.service = service;
	gate->shared.service_arg = arg;
}

uint32_t gate_busy(const struct gate *gate)
{
	const struct gate_member *member;
	uint32_t n = 0;

	TAILQ_FOREACH(member, &gate->members, by_age)
	{
		const enum connection_phase phase = connection_phase(member->connection);

		n += phase == CONNECTION_HANDLING || phase == CONNECTION_WRITING ||
			(!member->is_late &&
				(phase == CONNECTION_HEAD || phase == CONNECTION_BODY));
	}
	return n;
}

bool gate_part(struct gate *gate)
{
	struct gate_member *member, *next;
	bool all = true;

	for (member = TAILQ_FIRST(&gate->members); member; member = next) {
		next = TAILQ_NEXT(member, by_age);
		all &= connection_part(member->connection);
	}
	return all;
}

void gate_count(struct gate *gate, enum refusal refusal)
{
	gate->shared.refused[refusal]++;
}

void gate_count_forbidden(struct gate *gate, const char *peer, const char *who)
{
	gate_count(gate, REFUSAL_FORBIDDEN);
	if (gate_room_says(gate, GATE_FORBIDS))
		log_warning("api: %s%s%s was refused", who, strcmp(who, peer) ? " at " : "",
			strcmp(who, peer) ? peer : "");
}

void gate_figures(const struct gate *gate, struct gate_figures *figures)
{
	*figures = (struct gate_figures){ .connections = gate->connections,
		.connections_max = gate->connections_max,
		.body_bytes = gate->shared.bound.held,
		.body_bytes_max = gate->shared.bound.max,
		.accepted = gate->accepted,
		.pauses = gate->pauses };
	memcpy(figures->refused, gate->shared.refused, sizeof(figures->refused));
}
