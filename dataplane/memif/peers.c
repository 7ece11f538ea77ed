// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/peers.h"

#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HANDSHAKE_MS   5000     // from accepting to MEMIF_CONNECT
#define MESSAGES_A_RUN 16       // that are taken from one peer before the next has its turn
#define RINGS_HELD_MAX 256      // whose eventfds strangers may make us hold
#define RING_NS_MAX    10000000 // of CPU, to ring a peer's eventfd: a peer has what makes it longer
#define GRACE_US       20       // between two looks whether all lcores were quiescent

static bool peers_send(int fd, const struct memif_message *message)
{
	return send(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) ==
		(ssize_t)sizeof(*message);
}

// Until every lcore has been between two bursts. Without a spin: it may be this CPU that one of
// them waits for.
static void peers_wait_for_lcores(struct memif_peers *peers)
{
	const uint64_t token = rte_rcu_qsbr_start(peers->qsbr);

	while (!rte_rcu_qsbr_check(peers->qsbr, token, false))
		usleep(GRACE_US);
}

static void peers_close(struct memif_peers *peers, struct memif_peer *peer)
{
	struct memif_session *session = &peer->session;

	if (session->is_connected) {
		atomic_store_explicit(&session->port->link, NULL, memory_order_release);
		peers_wait_for_lcores(peers);
	}
	memif_link_destroy(session->link);
	close(peer->fd);
	*peer = (struct memif_peer){ .fd = -1 };
}

static bool peers_is_stranger(const struct memif_peer *peer)
{
	return peer->fd >= 0 && !peer->session.is_connected;
}

// Tells the peer and the log why, and counts it: one that has not said which interface it wants, at the
// first of its socket.
static void peers_turn_away(struct memif_peers *peers, struct memif_peer *peer, const char *reason)
{
	struct memif_message message = { .type = MEMIF_DISCONNECT };
	const struct memif_session *session = &peer->session;
	struct memif_port *port = session->port ? session->port : session->ports[0];

	atomic_fetch_add_explicit(&port->turned_away, 1, memory_order_relaxed);
	memcpy(message.disconnect.reason, reason, strnlen(reason, MEMIF_REASON_BYTES - 1));
	peers_send(peer->fd, &message);
	memif_news_tell(peers->news, &peer->listener->news,
		"memif %s: peer '%.32s' (pid %d, uid %u) turned away: %.160s",
		session->port ? session->port->name : "", session->peer, peer->who.pid,
		peer->who.uid, reason);
	peers_close(peers, peer);
}

static void peers_let_go(struct memif_peers *peers, struct memif_peer *peer, const char *how)
{
	const struct memif_session *session = &peer->session;

	if (session->is_connected)
		memif_news_tell(peers->news, &peer->listener->news,
			"memif %s: peer '%.32s' (pid %d, uid %u) has gone%.160s",
			session->port->name, session->peer, peer->who.pid, peer->who.uid, how);
	else
		memif_news_tell(peers->news, &peer->listener->news,
			"memif: a peer (pid %d, uid %u) went before it was connected%.160s",
			peer->who.pid, peer->who.uid, how);
	peers_close(peers, peer);
}

static bool peers_has_hung_up(const struct memif_peer *peer)
{
	struct pollfd ask = { .fd = peer->fd, .events = POLLRDHUP };

	return poll(&ask, 1, 0) == 1 && ask.revents & (POLLHUP | POLLRDHUP | POLLERR);
}

static struct memif_peer *peers_at(
	struct memif_peers *peers, const struct memif_port *port, const struct memif_peer *but)
{
	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++) {
		struct memif_peer *peer = &peers->all[i];

		if (peer != but && peer->fd >= 0 && peer->session.is_connected &&
			peer->session.port == port)
			return peer;
	}
	return NULL;
}

// A port has one peer. One that has died makes way, though its end was not yet noticed.
static bool peers_publish(struct memif_peers *peers, struct memif_peer *peer)
{
	struct memif_session *session = &peer->session;
	struct memif_peer *other = peers_at(peers, session->port, peer);

	if (other && peers_has_hung_up(other)) {
		peers_let_go(peers, other, "");
		other = NULL;
	}
	if (other) {
		session->is_connected = false;
		peers_turn_away(peers, peer, "another peer is connected to this interface");
		return false;
	}
	atomic_store_explicit(&session->port->link, session->link, memory_order_release);
	memif_news_tell(peers->news, &peer->listener->news,
		"memif %s: peer '%.32s' (pid %d, uid %u) is connected, with %u rings to us and %u "
		"from us",
		session->port->name, session->peer, peer->who.pid, peer->who.uid,
		session->link->n_c2s, session->link->n_s2c);
	return true;
}

// Strangers hold few descriptors together: the one that holds most makes way.
static void peers_bound_rings(struct memif_peers *peers)
{
	struct memif_peer *most = NULL;
	uint32_t held = 0;

	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++) {
		struct memif_peer *peer = &peers->all[i];

		if (!peers_is_stranger(peer) || !peer->session.link)
			continue;
		held += peer->session.link->n_s2c;
		if (!most || peer->session.link->n_s2c > most->session.link->n_s2c)
			most = peer;
	}
	if (held > RINGS_HELD_MAX)
		peers_turn_away(peers, most, "too many rings of connections not yet made");
}

// Receives one message. Returns its bytes, 0 where the peer has gone, -1 where there is none yet. With
// `is_cut` it had more descriptors than are in `fds`: too many, or this process may have no more.
static ssize_t peers_receive(int fd, struct memif_message *message, int fds[MEMIF_FDS_MAX],
	uint32_t *n_fds, bool *is_cut)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(MEMIF_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	// MSG_TRUNC: the bytes that it had, also where they do not fit. What does not fit of the
	// descriptors is closed by the kernel.
	ssize_t bytes = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	*n_fds = 0;
	*is_cut = bytes >= 0 && header.msg_flags & MSG_CTRUNC;
	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*n_fds = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *n_fds * sizeof(int));
	}
	return bytes;
}

// Returns whether the peer is still there.
static bool peers_take_message(struct memif_peers *peers, struct memif_peer *peer)
{
	struct memif_session *session = &peer->session;
	const bool was_connected = session->is_connected;
	struct memif_message message, reply;
	struct error err = { .text = "" };
	int fds[MEMIF_FDS_MAX], rc;
	uint32_t n_fds;
	bool is_cut;
	ssize_t bytes = peers_receive(peer->fd, &message, fds, &n_fds, &is_cut);

	if (bytes < 0)
		return false;
	if (is_cut) { // a ring without its eventfd would never wake who sleeps
		for (uint32_t i = 0; i < n_fds; i++)
			close(fds[i]);
		peers_turn_away(peers, peer,
			"its descriptors do not come through: over 4 with a message, or martletd "
			"has no more");
		return false;
	}
	if (bytes == 0 && !n_fds) {
		peers_let_go(peers, peer, "");
		return false;
	}
	rc = memif_session_take(session, &message, (size_t)bytes, fds, n_fds, &reply, &err);
	if (rc == -ECONNRESET)
		peers_let_go(peers, peer, err.text[0] ? ": it took its leave" : "");
	else if (rc != 0)
		peers_turn_away(peers, peer, err.text);
	if (rc != 0)
		return false;
	if (session->is_connected && !was_connected && !peers_publish(peers, peer))
		return false;
	peers_bound_rings(peers);
	if (peer->fd < 0)
		return false;
	if (reply.type == MEMIF_NONE || peers_send(peer->fd, &reply))
		return true;
	peers_let_go(peers, peer, ": it does not take our answers");
	return false;
}

// --- Strangers ----------------------------------------------------------------------------------

// Of all strangers the one to be turned away for a new one: the eldest of the process that has most.
// Whoever opens many connections pays for them alone.
static struct memif_peer *peers_weakest(struct memif_peers *peers)
{
	struct memif_peer *weakest = NULL;
	uint32_t most = 0;

	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++) {
		struct memif_peer *peer = &peers->all[i];
		uint32_t n = 0;

		if (!peers_is_stranger(peer))
			continue;
		for (uint32_t j = 0; j < MEMIF_PEERS_MAX; j++)
			n += peers_is_stranger(&peers->all[j]) &&
				peers->all[j].who.pid == peer->who.pid;
		if (n < most || (n == most && peer->since_ms >= weakest->since_ms))
			continue;
		weakest = peer;
		most = n;
	}
	return weakest;
}

static struct memif_peer *peers_find_place(struct memif_peers *peers)
{
	struct memif_peer *place = NULL;
	uint32_t strangers = 0;

	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++) {
		strangers += peers_is_stranger(&peers->all[i]);
		if (peers->all[i].fd < 0)
			place = &peers->all[i];
	}
	if (strangers < MEMIF_STRANGERS_MAX && place)
		return place;
	place = peers_weakest(peers);
	if (place)
		peers_turn_away(peers, place, "too many connections wait for their handshake");
	return place;
}

void memif_peers_admit(struct memif_peers *peers, struct memif_listener *listener, int fd)
{
	struct memif_peer *peer = peers_find_place(peers);
	struct memif_message hello;
	socklen_t bytes = sizeof(peer->who);

	if (!peer) {
		close(fd);
		return;
	}
	*peer = (struct memif_peer){ .fd = fd,
		.listener = listener,
		.since_ms = memif_now_ms(),
		.session = { .ports = listener->ports,
			.n_ports = listener->n_ports,
			.wake = peers->wake } };
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer->who, &bytes);
	memif_session_hello(&hello);
	if (!peers_send(fd, &hello))
		peers_let_go(peers, peer, "");
}

// --- Links --------------------------------------------------------------------------------------

// Without the time that others have the CPU.
static uint64_t peers_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// Rings those eventfds of a peer that lcores asked for.
static void peers_ring(struct memif_peers *peers, struct memif_peer *peer)
{
	struct memif_link *link = peer->session.link;

	for (uint64_t calls = atomic_exchange(&link->calls, 0); calls; calls &= calls - 1) {
		const struct memif_ring *ring = &link->s2c[__builtin_ctzll(calls)];
		const uint64_t begin = peers_cpu_ns();

		if (!memif_doorbell_ring(peers->doorbell, ring->interrupt)) {
			peers_turn_away(peers, peer, "a ring's interrupt is no eventfd");
			return;
		}
		if (peers_cpu_ns() - begin > RING_NS_MAX) {
			peers_turn_away(peers, peer,
				"too many wait for a ring's eventfd: to wake them takes too long");
			return;
		}
	}
}

void memif_peers_check_links(struct memif_peers *peers)
{
	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++) {
		struct memif_peer *peer = &peers->all[i];
		const char *fault;

		if (peer->fd < 0 || !peer->session.link)
			continue;
		fault = atomic_load(&peer->session.link->fault);
		if (fault)
			peers_turn_away(peers, peer, fault);
		else
			peers_ring(peers, peer);
	}
}

void memif_peers_expire(struct memif_peers *peers, uint64_t now_ms)
{
	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++) {
		struct memif_peer *peer = &peers->all[i];

		if (peers_is_stranger(peer) && now_ms - peer->since_ms >= HANDSHAKE_MS)
			peers_turn_away(peers, peer, "its handshake was not over in 5 s");
	}
}

uint64_t memif_peers_expire_ms(const struct memif_peers *peers)
{
	uint64_t at = UINT64_MAX;

	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++)
		if (peers_is_stranger(&peers->all[i]) && peers->all[i].since_ms + HANDSHAKE_MS < at)
			at = peers->all[i].since_ms + HANDSHAKE_MS;
	return at;
}

void memif_peers_take(struct memif_peers *peers, uint32_t i)
{
	for (uint32_t n = 0; n < MESSAGES_A_RUN; n++)
		if (!peers_take_message(peers, &peers->all[i]))
			break;
}

void memif_peers_init(struct memif_peers *peers, struct rte_rcu_qsbr *qsbr, struct memif_news *news,
	struct memif_doorbell *doorbell, int wake)
{
	*peers = (struct memif_peers){
		.qsbr = qsbr, .news = news, .doorbell = doorbell, .wake = wake
	};
	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++)
		peers->all[i].fd = -1;
}

void memif_peers_fini(struct memif_peers *peers)
{
	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++)
		if (peers->all[i].fd >= 0)
			peers_turn_away(peers, &peers->all[i], "martletd ends");
}
