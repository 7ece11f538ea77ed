// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/gate.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_BESIDE 1024 // for devices, peers of memif, the store: asked for
#define DESCRIPTORS_LEAST  64   // ... and what is left to them at the least
#define CONNECTIONS_LEAST  4    // let in however few descriptors there are
#define ACCEPTS_A_TURN     16   // of the event loop, of one door
#define RESERVE_SHARE      8    // one in so many connections is for UNIX sockets
#define SILENT_MS          200  // no request has begun for so long: may be closed
#define SILENT_FEW         4    // ... at once where its address has more than so many
#define HEAD_SLOW_MS       1000 // a header is not complete: may be, too
#define BODY_SLOW_MS       2000 // no byte of a body came, or of an answer left, for so long: may be, too
#define SAY_EVERY_MS       60000 // each of the warnings
#define ADDRESS_BUCKETS    256

enum gate_warning {
	GATE_NO_DESCRIPTORS,
	GATE_NO_CONNECTIONS,
	GATE_CLOSES_SILENT,
	GATE_NO_MEMORY,
	GATE_FORBIDS,
	GATE_WARNINGS
};

struct gate_address { // of a network: what counts as one peer; family 0: a UNIX socket
	sa_family_t family;
	uint8_t bytes[8];
};

struct gate_member {
	struct gate *gate;
	struct connection *connection;
	struct gate_address address;
	int door;                        // its socket
	bool is_late;                    // it came after gate_drain()
	TAILQ_ENTRY(gate_member) by_age; // since its phase began: the first one's is the oldest
	LIST_ENTRY(gate_member) by_address;
};

struct gate_listening {
	struct gate *gate;
	struct gate_door door;
	struct event *accept;
	bool is_shut; // until gate_tick() opens it
	LIST_ENTRY(gate_listening) next;
};

struct gate {
	struct connection_shared shared;
	LIST_HEAD(, gate_listening) doors;
	TAILQ_HEAD(, gate_member) members;
	LIST_HEAD(gate_bucket, gate_member) addresses[ADDRESS_BUCKETS];
	uint32_t connections, connections_max;
	uint32_t n_remote; // of them, over a network
	uint32_t address_max;
	uint64_t accepted, pauses;
	uint64_t bodies_said;            // bodies refused when it was last looked at
	bool is_full;                    // somebody waits, and there is nobody to close for him
	bool has_no_descriptors;         // since the last try to accept
	uint64_t said_ms[GATE_WARNINGS]; // 0: never
};

// Whether a warning is due, which is then taken as said.
static bool gate_says(struct gate *gate, enum gate_warning warning)
{
	uint64_t now = deadline_now_ms();

	if (gate->said_ms[warning] && now - gate->said_ms[warning] < SAY_EVERY_MS)
		return false;
	gate->said_ms[warning] = now;
	return true;
}

// --- Addresses -----------------------------------------------------------------------------------

static struct gate_address gate_address_of(const struct sockaddr_storage *from)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;
	struct gate_address address = { 0 };

	if (from->ss_family == AF_INET) {
		address.family = AF_INET;
		memcpy(address.bytes, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
	} else if (from->ss_family == AF_INET6) {
		address.family = AF_INET6;
		memcpy(address.bytes, &ipv6->sin6_addr, sizeof(address.bytes));
	}
	return address;
}

static void gate_address_text(const struct sockaddr_storage *from, char text[REQUEST_PEER_BYTES])
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;

	inet_ntop(from->ss_family,
		from->ss_family == AF_INET ? (const void *)&ipv4->sin_addr
					   : (const void *)&ipv6->sin6_addr,
		text, REQUEST_PEER_BYTES);
}

static struct gate_bucket *gate_bucket_of(struct gate *gate, const struct gate_address *address)
{
	uint32_t hash = 2166136261; // FNV-1a

	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 16777619;
	return &gate->addresses[hash % ADDRESS_BUCKETS];
}

static bool gate_is_of(const struct gate_member *member, const struct gate_address *address)
{
	return member->address.family == address->family &&
		memcmp(member->address.bytes, address->bytes, sizeof(address->bytes)) == 0;
}

static uint32_t gate_count_address(struct gate *gate, const struct gate_address *address)
{
	const struct gate_member *member;
	uint32_t n = 0;

	LIST_FOREACH(member, gate_bucket_of(gate, address), by_address)
	n += gate_is_of(member, address);
	return n;
}

// --- Who is closed for others --------------------------------------------------------------------

// In this order. Who is not to go has the rank GATE_STAYS.
enum gate_rank { GATE_NEVER_ASKED, GATE_SLOW, GATE_ASKED, GATE_STAYS };

// `patience`: whether somebody has some time to ask, and to go on with a header.
static enum gate_rank gate_rank(const struct gate_member *member, uint64_t now, bool patience)
{
	const struct connection *c = member->connection;
	const uint64_t since_ms = now - connection_since_ms(c);

	switch (connection_phase(c)) {
	case CONNECTION_NEW:
	case CONNECTION_LINGERING:
		return patience && since_ms < SILENT_MS ? GATE_STAYS : GATE_NEVER_ASKED;
	case CONNECTION_HEAD: // bytes may come, but of a header they should come at once
		return patience && since_ms < HEAD_SLOW_MS ? GATE_STAYS : GATE_SLOW;
	case CONNECTION_BODY:
	case CONNECTION_WRITING:
		return now - connection_moved_ms(c) < BODY_SLOW_MS ? GATE_STAYS : GATE_SLOW;
	case CONNECTION_IDLE:
		return since_ms < SILENT_MS ? GATE_STAYS : GATE_ASKED;
	default:
		return GATE_STAYS;
	}
}

// Who never asked, though not for long yet, and is one of more than SILENT_FEW of his address: that is a
// crowd's way, and patience with it would keep others waiting. Of these the oldest. NULL: none.
static struct gate_member *gate_find_crowding(struct gate *gate)
{
	struct gate_member *member;

	TAILQ_FOREACH(member, &gate->members, by_age)
	if (member->address.family && connection_phase(member->connection) == CONNECTION_NEW &&
		gate_count_address(gate, &member->address) > SILENT_FEW)
		return member;
	return NULL;
}

// Closes one connection: of those of the first rank that there is, up to `last`, the one that has been
// so longest. Only one of a network where `is_remote`. Only one of `address` where that is given: with
// those who fill their own share by asking nothing there is no patience. False where there is none.
static bool gate_close_silent(
	struct gate *gate, enum gate_rank last, const struct gate_address *address, bool is_remote)
{
	struct gate_member *member, *found = NULL;
	enum gate_rank best = GATE_STAYS;
	uint64_t now = deadline_now_ms();

	TAILQ_FOREACH(member, &gate->members, by_age)
	{
		enum gate_rank rank;

		if (!address && now - connection_since_ms(member->connection) < SILENT_MS)
			break; // and so it is with those that follow
		if ((address && !gate_is_of(member, address)) ||
			(is_remote && !member->address.family))
			continue;
		rank = gate_rank(member, now, !address);
		if (rank > last || rank >= best)
			continue;
		found = member;
		best = rank;
		if (rank == GATE_NEVER_ASKED)
			break;
	}
	if (!found && !address)
		found = gate_find_crowding(gate);
	if (!found)
		return false;
	connection_close(found->connection, REFUSAL_SILENT); // which calls gate_on_end()
	if (gate_says(gate, GATE_CLOSES_SILENT))
		log_warning(
			"api: %u connections are open, as many as control.connections or "
			"control.address_connections allows: those silent longest are closed "
			"for new ones",
			gate->connections + 1);
	return true;
}

// --- Connections ---------------------------------------------------------------------------------

static void gate_on_phase(void *owner)
{
	struct gate_member *member = owner;

	TAILQ_REMOVE(&member->gate->members, member, by_age);
	TAILQ_INSERT_TAIL(&member->gate->members, member, by_age);
}

static void gate_on_end(void *owner)
{
	struct gate_member *member = owner;
	struct gate *gate = member->gate;

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
		.uid = (uid_t)-1,
		.is_late = gate->shared.is_draining,
		.serves = door->serves,
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
	if (door->admits) {
		peer.is_local = true;
		peer.is_admitted = door->admits(door->arg, fd);
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0)
			peer.uid = process.uid;
		snprintf(peer.text, sizeof(peer.text), "uid %u", peer.uid);
	} else {
		peer.is_admitted = true;
		member->address = gate_address_of(from);
		gate_address_text(from, peer.text);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	}
	gate->connections++;
	gate->n_remote += member->address.family != 0;
	gate->accepted++;
	TAILQ_INSERT_TAIL(&gate->members, member, by_age);
	LIST_INSERT_HEAD(gate_bucket_of(gate, &member->address), member, by_address);
	c = connection_create(&gate->shared, &peer, member);
	if (c) // otherwise the member is gone already
		member->connection = c;
}

static void gate_shut(struct gate_listening *listening)
{
	listening->is_shut = true;
	event_del(listening->accept);
}

static bool gate_has_room(const struct gate *gate, const struct gate_door *door)
{
	return gate->connections < gate->connections_max &&
		(door->admits ||
			gate->n_remote <
				gate->connections_max - gate->connections_max / RESERVE_SHARE);
}

// Whether one more may come in by a door, after closing a silent one if need be. Otherwise the door is
// shut.
static bool gate_make_room(struct gate_listening *listening)
{
	struct gate *gate = listening->gate;

	if (gate_has_room(gate, &listening->door) ||
		gate_close_silent(gate, GATE_ASKED, NULL, !listening->door.admits)) {
		gate->is_full = false;
		return true;
	}
	gate_shut(listening);
	gate->pauses += !gate->is_full;
	gate->is_full = true;
	if (gate_says(gate, GATE_NO_CONNECTIONS))
		log_warning(
			"api: %u connections are open and busy, as many as "
			"control.connections allows: accepting pauses until one ends",
			gate->connections);
	return false;
}

static void gate_lacks_descriptors(struct gate_listening *listening, int why)
{
	struct gate *gate = listening->gate;

	if (gate_says(gate, GATE_NO_DESCRIPTORS))
		log_warning(
			"api: no connection can be accepted: %s: accepting pauses "
			"until that is over%s",
			strerror(why),
			why == EMFILE ? "; raise LimitNOFILE of the service, or ulimit -n" : "");
	gate->pauses += !gate->has_no_descriptors;
	gate->has_no_descriptors = true;
	gate_shut(listening);
	gate_close_silent(gate, GATE_SLOW, NULL, false);
}

// An address has its share: one of its own is closed for the new one.
static bool gate_address_has_room(struct gate *gate, const struct sockaddr_storage *from)
{
	const struct gate_address address = gate_address_of(from);

	return !address.family || gate_count_address(gate, &address) < gate->address_max ||
		gate_close_silent(gate, GATE_ASKED, &address, true);
}

static void gate_on_accept(int fd, short what, void *arg)
{
	struct gate_listening *listening = arg;
	struct gate *gate = listening->gate;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t size = sizeof(from);
		bool was_full = !gate_has_room(gate, &listening->door);
		int peer;

		// That somebody waits is known of the first one only.
		if (was_full && (i > 0 || !gate_make_room(listening)))
			return;
		peer = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				gate_lacks_descriptors(listening, errno);
			return;
		}
		gate->has_no_descriptors = false;
		if (listening->door.admits || gate_address_has_room(gate, &from))
			gate_admit(gate, &listening->door, peer, &from);
		else
			gate_turn_away(gate, &listening->door, peer);
	}
}

// --- The gate ------------------------------------------------------------------------------------

void gate_tick(struct gate *gate)
{
	const uint64_t refused = gate->shared.refused[REFUSAL_BODIES_FULL];
	struct gate_listening *listening;

	LIST_FOREACH(listening, &gate->doors, next)
	if (listening->is_shut) {
		listening->is_shut = false;
		event_add(listening->accept, NULL);
	}
	if (gate->bodies_said != refused && gate_says(gate, GATE_NO_MEMORY))
		log_warning(
			"api: uploads are refused: others under way hold what "
			"control.upload_megabytes allows them together, %zu MiB",
			gate->shared.bound.max >> 20);
	gate->bodies_said = refused;
}

static void gate_fit_descriptors(struct gate *gate, const struct gate_limits *limits)
{
	const rlim_t wanted = limits->connections + DESCRIPTORS_BESIDE;
	const rlim_t least = limits->connections + DESCRIPTORS_LEAST;
	struct rlimit limit;

	gate->connections_max = limits->connections;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= least)
		return;
	gate->connections_max = limit.rlim_cur > DESCRIPTORS_LEAST + CONNECTIONS_LEAST
		? (uint32_t)limit.rlim_cur - DESCRIPTORS_LEAST
		: CONNECTIONS_LEAST;
	log_warning(
		"api: control.connections is %u, but this process may have %llu descriptors: "
		"%u connections are let in; raise LimitNOFILE of the service, or ulimit -n",
		limits->connections, (unsigned long long)limit.rlim_cur, gate->connections_max);
}

int gate_create(struct event_base *base, const struct gate_limits *limits,
	bool (*on_head)(void *arg, struct http_request *request),
	void (*on_request)(void *arg, struct http_request *request), void *arg, struct gate **out,
	struct error *err)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return error_set(err, -ENOMEM, "no memory to accept connections");
	gate->shared = (struct connection_shared){ .base = base,
		.limits = limits->each,
		.bound.max = limits->bodies_bytes,
		.on_head = on_head,
		.on_request = on_request,
		.arg = arg,
		.on_phase = gate_on_phase,
		.on_end = gate_on_end };
	gate->address_max = limits->address_connections;
	LIST_INIT(&gate->doors);
	TAILQ_INIT(&gate->members);
	for (size_t i = 0; i < ADDRESS_BUCKETS; i++)
		LIST_INIT(&gate->addresses[i]);
	gate_fit_descriptors(gate, limits);
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

	if (listening)
		listening->door = *door;
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
	gate->address_max = limits->address_connections;
	gate_fit_descriptors(gate, limits);
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

void gate_count_forbidden(struct gate *gate, const char *peer)
{
	gate_count(gate, REFUSAL_FORBIDDEN);
	if (gate_says(gate, GATE_FORBIDS))
		log_warning("api: %s was refused", peer);
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
