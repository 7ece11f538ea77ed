// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/gate_room.h"

#include "ctl/server/http/deadline.h"
#include "ctl/server/log.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS_BESIDE 1024 // for devices, peers of memif, the store: asked for
#define DESCRIPTORS_LEAST  64   // ... and what is left to them at the least
#define CONNECTIONS_LEAST  4    // let in however few descriptors there are
#define RESERVE_SHARE      8    // one in so many connections is for UNIX sockets
#define SILENT_MS          200  // no request has begun for so long: may be closed
#define SILENT_FEW         4    // ... at once where its address has more than so many
#define HANDSHAKE_SLOW_MS                                                                          \
	1000              // TLS is not agreed on: may be, too; SILENT_MS where its address has more
#define HEAD_SLOW_MS 1000 // a header is not complete: may be, too
#define BODY_SLOW_MS 2000 // no byte of a body came, or of an answer left, for so long: may be, too
#define SAY_EVERY_MS 60000 // each of the warnings

// Whether a warning is due, which is then taken as said.
bool gate_room_says(struct gate *gate, enum gate_warning warning)
{
	uint64_t now = deadline_now_ms();

	if (gate->said_ms[warning] && now - gate->said_ms[warning] < SAY_EVERY_MS)
		return false;
	gate->said_ms[warning] = now;
	return true;
}

struct gate_bucket *gate_room_bucket(struct gate *gate, const struct gate_address *address)
{
	return &gate->addresses[gate_address_hash(address, 0) % ADDRESS_BUCKETS];
}

static uint32_t gate_count_address(struct gate *gate, const struct gate_address *address)
{
	const struct gate_member *member;
	uint32_t n = 0;

	LIST_FOREACH(member, gate_room_bucket(gate, address), by_address)
	n += gate_address_is(&member->address, address);
	return n;
}

void gate_room_fit(struct gate *gate, const struct gate_limits *limits)
{
	const rlim_t wanted = limits->connections + DESCRIPTORS_BESIDE;
	const rlim_t least = limits->connections + DESCRIPTORS_LEAST;
	struct rlimit limit;

	gate->address_max = limits->address_connections;
	gate->handshakes_max = limits->handshakes;
	gate->handshakes_per_second = limits->handshakes_per_second;
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
		if ((address && !gate_address_is(&member->address, address)) ||
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
	if (gate_room_says(gate, GATE_CLOSES_SILENT))
		log_warning(
			"api: %u connections are open, as many as control.connections or "
			"control.address_connections allows: those silent longest are closed "
			"for new ones",
			gate->connections + 1);
	return true;
}

// --- Handshakes ----------------------------------------------------------------------------------

static bool gate_has_handshake(const struct gate *gate, const struct gate_door *door)
{
	return !door->tls || gate->n_securing < gate->handshakes_max;
}

// Closes the oldest one that is slow; who has many connections is not waited for as long. False where there is
// none.
static bool gate_close_handshake(struct gate *gate)
{
	const uint64_t now = deadline_now_ms();
	struct gate_member *member;

	TAILQ_FOREACH(member, &gate->securing, by_coming)
	{
		if (now - member->came_ms < SILENT_MS)
			return false; // and so it is with those that follow
		if (now - member->came_ms >= HANDSHAKE_SLOW_MS ||
			gate_count_address(gate, &member->address) > SILENT_FEW)
			break;
	}
	if (!member)
		return false;
	connection_close(member->connection, REFUSAL_HANDSHAKES_FULL); // which calls gate_on_end()
	return true;
}

// False: the door waits until one ends.
static bool gate_make_handshake(struct gate_listening *listening)
{
	struct gate *gate = listening->gate;

	if (gate_has_handshake(gate, &listening->door))
		return true;
	if (gate_room_says(gate, GATE_HANDSHAKES_FULL))
		log_warning(
			"api: %u handshakes of TLS are under way, as many as control.handshakes "
			"allows: slow ones are closed for new ones",
			gate->n_securing);
	return gate_close_handshake(gate);
}

// --- Doors ---------------------------------------------------------------------------------------

static void gate_shut(struct gate_listening *listening)
{
	listening->is_shut = true;
	event_del(listening->accept);
}

bool gate_room_is_there(const struct gate *gate, const struct gate_door *door)
{
	return gate_has_handshake(gate, door) && gate->connections < gate->connections_max &&
		(door->is_local ||
			gate->n_remote <
				gate->connections_max - gate->connections_max / RESERVE_SHARE);
}

bool gate_room_make(struct gate_listening *listening)
{
	struct gate *gate = listening->gate;

	if (!gate_make_handshake(listening)) {
		gate_shut(listening);
		return false;
	}
	if (gate_room_is_there(gate, &listening->door) ||
		gate_close_silent(gate, GATE_ASKED, NULL, !listening->door.is_local)) {
		gate->is_full = false;
		return true;
	}
	gate_shut(listening);
	gate->pauses += !gate->is_full;
	gate->is_full = true;
	if (gate_room_says(gate, GATE_NO_CONNECTIONS))
		log_warning(
			"api: %u connections are open and busy, as many as "
			"control.connections allows: accepting pauses until one ends",
			gate->connections);
	return false;
}

void gate_room_lacks_descriptors(struct gate_listening *listening, int why)
{
	struct gate *gate = listening->gate;

	if (gate_room_says(gate, GATE_NO_DESCRIPTORS))
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

bool gate_room_has_address(struct gate *gate, const struct gate_address *address)
{
	return !address->family || gate_count_address(gate, address) < gate->address_max ||
		gate_close_silent(gate, GATE_ASKED, address, true);
}

void gate_room_reopen(struct gate *gate, bool is_tls_alone)
{
	struct gate_listening *listening;

	LIST_FOREACH(listening, &gate->doors, next)
	if (listening->is_shut && (!is_tls_alone || listening->door.tls)) {
		listening->is_shut = false;
		event_add(listening->accept, NULL);
	}
}
