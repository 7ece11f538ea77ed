// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/server.h"

#include "dataplane/memif/doorbell.h"
#include "dataplane/memif/listen.h"
#include "dataplane/memif/session.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STRANGERS_MAX  32 // connections that are no peer's yet
#define PEERS_MAX      (MEMIF_PORTS_MAX + STRANGERS_MAX)
#define HANDSHAKE_MS   5000 // from accepting to MEMIF_CONNECT
#define MESSAGES_A_RUN 16   // that are taken from one peer before the next has its turn
#define PAUSE_MS       100  // without accepting, where no descriptor is to be had
#define NEWS_MS        1000 // after which a socket may have another line in the log
#define NEWS_AT_ONCE   8    // lines that it may have without waiting
#define NEWS_MAX       64
#define RINGS_HELD_MAX 256 // whose eventfds strangers may make us hold
#define NEWS_BYTES     320
#define RING_NS_MAX    10000000 // of CPU, to ring a peer's eventfd: a peer has what makes it longer
#define GRACE_US       20       // between two looks whether all lcores were quiescent

struct server_peer {
	int fd; // -1: free
	struct ucred who;
	uint64_t since_ms;
	struct memif_session session;
};

struct server_socket {
	int fd;
	char name[sizeof(((struct memif_device *)0)->socket)];
	bool is_abstract;
	char group[sizeof(((struct memif_device *)0)->group)];
	struct memif_port *ports[MEMIF_PORTS_MAX];
	uint32_t n_ports;
	uint64_t news_ms;  // until when its lines are used up: one costs NEWS_MS
	uint32_t n_silent; // things that happened since the last line
};

struct memif_server {
	struct rte_rcu_qsbr *qsbr;
	struct server_socket sockets[MEMIF_PORTS_MAX];
	uint32_t n_sockets;
	int wake; // eventfd: stop, or a link has failed, or has calls
	struct memif_doorbell doorbell;
	pthread_t thread;
	bool has_thread;
	_Atomic(bool) stop;

	// The thread's own.
	struct server_peer peers[PEERS_MAX];
	uint64_t accept_from_ms; // 0: now

	pthread_mutex_t lock; // of the news
	struct {
		char text[NEWS_BYTES];
	} news[NEWS_MAX];
	uint32_t news_first, n_news;
};

static uint64_t server_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// --- News ---------------------------------------------------------------------------------------

__attribute__((format(printf, 3, 4))) static void server_tell(
	struct memif_server *server, struct server_socket *socket, const char *format, ...)
{
	const uint64_t now = server_now_ms();
	char text[NEWS_BYTES];
	va_list list;
	int at;

	if (socket->news_ms < now)
		socket->news_ms = now;
	if (socket->news_ms - now >= NEWS_AT_ONCE * NEWS_MS) {
		socket->n_silent++;
		return;
	}
	socket->news_ms += NEWS_MS;
	va_start(list, format);
	at = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (socket->n_silent && at > 0 && at < (int)sizeof(text))
		snprintf(text + at, sizeof(text) - (size_t)at,
			" (and %u such things before, not written down)", socket->n_silent);
	socket->n_silent = 0;
	pthread_mutex_lock(&server->lock);
	if (server->n_news < NEWS_MAX) {
		uint32_t slot = (server->news_first + server->n_news++) % NEWS_MAX;

		memcpy(server->news[slot].text, text, sizeof(text));
	}
	pthread_mutex_unlock(&server->lock);
}

bool memif_server_news(struct memif_server *server, char *text, size_t size)
{
	bool any;

	pthread_mutex_lock(&server->lock);
	any = server->n_news > 0;
	if (any) {
		snprintf(text, size, "%s", server->news[server->news_first].text);
		server->news_first = (server->news_first + 1) % NEWS_MAX;
		server->n_news--;
	}
	pthread_mutex_unlock(&server->lock);
	return any;
}

static struct server_socket *server_socket_of(
	struct memif_server *server, const struct server_peer *peer)
{
	for (uint32_t i = 0; i < server->n_sockets; i++)
		if (server->sockets[i].ports == peer->session.ports)
			return &server->sockets[i];
	return &server->sockets[0]; // there is one for every peer
}

// --- Peers --------------------------------------------------------------------------------------

static bool server_send(int fd, const struct memif_message *message)
{
	return send(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) ==
		(ssize_t)sizeof(*message);
}

// Until every lcore has been between two bursts. Without a spin: it may be this CPU that one of
// them waits for.
static void server_wait_for_lcores(struct memif_server *server)
{
	const uint64_t token = rte_rcu_qsbr_start(server->qsbr);

	while (!rte_rcu_qsbr_check(server->qsbr, token, false))
		usleep(GRACE_US);
}

static void server_close(struct memif_server *server, struct server_peer *peer)
{
	struct memif_session *session = &peer->session;

	if (session->is_connected) {
		atomic_store_explicit(&session->port->link, NULL, memory_order_release);
		server_wait_for_lcores(server);
	}
	memif_link_destroy(session->link);
	close(peer->fd);
	*peer = (struct server_peer){ .fd = -1 };
}

static bool server_is_stranger(const struct server_peer *peer)
{
	return peer->fd >= 0 && !peer->session.is_connected;
}

// Tells the peer and the log why, and counts it: one that has not said which interface it wants, at the
// first of its socket.
static void server_turn_away(
	struct memif_server *server, struct server_peer *peer, const char *reason)
{
	struct memif_message message = { .type = MEMIF_DISCONNECT };
	const struct memif_session *session = &peer->session;
	struct memif_port *port = session->port ? session->port : session->ports[0];

	atomic_fetch_add_explicit(&port->turned_away, 1, memory_order_relaxed);
	memcpy(message.disconnect.reason, reason, strnlen(reason, MEMIF_REASON_BYTES - 1));
	server_send(peer->fd, &message);
	server_tell(server, server_socket_of(server, peer),
		"memif %s: peer '%.32s' (pid %d, uid %u) turned away: %.160s",
		session->port ? session->port->name : "", session->peer, peer->who.pid,
		peer->who.uid, reason);
	server_close(server, peer);
}

static void server_let_go(struct memif_server *server, struct server_peer *peer, const char *how)
{
	const struct memif_session *session = &peer->session;

	if (session->is_connected)
		server_tell(server, server_socket_of(server, peer),
			"memif %s: peer '%.32s' (pid %d, uid %u) has gone%.160s",
			session->port->name, session->peer, peer->who.pid, peer->who.uid, how);
	else
		server_tell(server, server_socket_of(server, peer),
			"memif: a peer (pid %d, uid %u) went before it was connected%.160s",
			peer->who.pid, peer->who.uid, how);
	server_close(server, peer);
}

static bool server_has_hung_up(const struct server_peer *peer)
{
	struct pollfd ask = { .fd = peer->fd, .events = POLLRDHUP };

	return poll(&ask, 1, 0) == 1 && ask.revents & (POLLHUP | POLLRDHUP | POLLERR);
}

static struct server_peer *server_peer_at(
	struct memif_server *server, const struct memif_port *port, const struct server_peer *but)
{
	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		struct server_peer *peer = &server->peers[i];

		if (peer != but && peer->fd >= 0 && peer->session.is_connected &&
			peer->session.port == port)
			return peer;
	}
	return NULL;
}

// A port has one peer. One that has died makes way, though its end was not yet noticed.
static bool server_publish(struct memif_server *server, struct server_peer *peer)
{
	struct memif_session *session = &peer->session;
	struct server_peer *other = server_peer_at(server, session->port, peer);

	if (other && server_has_hung_up(other)) {
		server_let_go(server, other, "");
		other = NULL;
	}
	if (other) {
		session->is_connected = false;
		server_turn_away(server, peer, "another peer is connected to this interface");
		return false;
	}
	atomic_store_explicit(&session->port->link, session->link, memory_order_release);
	server_tell(server, server_socket_of(server, peer),
		"memif %s: peer '%.32s' (pid %d, uid %u) is connected, with %u rings to us and %u "
		"from us",
		session->port->name, session->peer, peer->who.pid, peer->who.uid,
		session->link->n_c2s, session->link->n_s2c);
	return true;
}

// Strangers hold few descriptors together: the one that holds most makes way.
static void server_bound_rings(struct memif_server *server)
{
	struct server_peer *most = NULL;
	uint32_t held = 0;

	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		struct server_peer *peer = &server->peers[i];

		if (!server_is_stranger(peer) || !peer->session.link)
			continue;
		held += peer->session.link->n_s2c;
		if (!most || peer->session.link->n_s2c > most->session.link->n_s2c)
			most = peer;
	}
	if (held > RINGS_HELD_MAX)
		server_turn_away(server, most, "too many rings of connections not yet made");
}

// Receives one message. Returns its bytes, 0 where the peer has gone, -1 where there is none yet. With
// `is_cut` it had more descriptors than are in `fds`: too many, or this process may have no more.
static ssize_t server_receive(int fd, struct memif_message *message, int fds[MEMIF_FDS_MAX],
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
static bool server_take_message(struct memif_server *server, struct server_peer *peer)
{
	struct memif_session *session = &peer->session;
	const bool was_connected = session->is_connected;
	struct memif_message message, reply;
	struct error err = { .text = "" };
	int fds[MEMIF_FDS_MAX], rc;
	uint32_t n_fds;
	bool is_cut;
	ssize_t bytes = server_receive(peer->fd, &message, fds, &n_fds, &is_cut);

	if (bytes < 0)
		return false;
	if (is_cut) { // a ring without its eventfd would never wake who sleeps
		for (uint32_t i = 0; i < n_fds; i++)
			close(fds[i]);
		server_turn_away(server, peer,
			"its descriptors do not come through: over 4 with a message, or martletd "
			"has no more");
		return false;
	}
	if (bytes == 0 && !n_fds) {
		server_let_go(server, peer, "");
		return false;
	}
	rc = memif_session_take(session, &message, (size_t)bytes, fds, n_fds, &reply, &err);
	if (rc == -ECONNRESET)
		server_let_go(server, peer, err.text[0] ? ": it took its leave" : "");
	else if (rc != 0)
		server_turn_away(server, peer, err.text);
	if (rc != 0)
		return false;
	if (session->is_connected && !was_connected && !server_publish(server, peer))
		return false;
	server_bound_rings(server);
	if (peer->fd < 0)
		return false;
	if (reply.type == MEMIF_NONE || server_send(peer->fd, &reply))
		return true;
	server_let_go(server, peer, ": it does not take our answers");
	return false;
}

// --- Accepting ----------------------------------------------------------------------------------

// Of all strangers the one to be turned away for a new one: the eldest of the process that has most.
// Whoever opens many connections pays for them alone.
static struct server_peer *server_weakest(struct memif_server *server)
{
	struct server_peer *weakest = NULL;
	uint32_t most = 0;

	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		struct server_peer *peer = &server->peers[i];
		uint32_t n = 0;

		if (!server_is_stranger(peer))
			continue;
		for (uint32_t j = 0; j < PEERS_MAX; j++)
			n += server_is_stranger(&server->peers[j]) &&
				server->peers[j].who.pid == peer->who.pid;
		if (n < most || (n == most && peer->since_ms >= weakest->since_ms))
			continue;
		weakest = peer;
		most = n;
	}
	return weakest;
}

static struct server_peer *server_find_place(struct memif_server *server)
{
	struct server_peer *place = NULL;
	uint32_t strangers = 0;

	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		strangers += server_is_stranger(&server->peers[i]);
		if (server->peers[i].fd < 0)
			place = &server->peers[i];
	}
	if (strangers < STRANGERS_MAX && place)
		return place;
	place = server_weakest(server);
	if (place)
		server_turn_away(server, place, "too many connections wait for their handshake");
	return place;
}

static void server_accept(struct memif_server *server, struct server_socket *socket)
{
	struct sockaddr_un from;
	socklen_t from_bytes = sizeof(from);
	int fd = accept4(
		socket->fd, (struct sockaddr *)&from, &from_bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct memif_message hello;
	struct server_peer *peer;
	socklen_t bytes = sizeof(peer->who);

	if (fd < 0) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
			return;
		server->accept_from_ms = server_now_ms() + PAUSE_MS;
		server_tell(server, socket, "memif: no peer can be accepted: %s", strerror(errno));
		return;
	}
	peer = server_find_place(server);
	if (!peer) {
		close(fd);
		return;
	}
	*peer = (struct server_peer){ .fd = fd,
		.since_ms = server_now_ms(),
		.session = { .ports = socket->ports,
			.n_ports = socket->n_ports,
			.wake = server->wake } };
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer->who, &bytes);
	memif_session_hello(&hello);
	if (!server_send(fd, &hello))
		server_let_go(server, peer, "");
}

// --- The thread ---------------------------------------------------------------------------------

// Without the time that others have the CPU.
static uint64_t server_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// Rings those eventfds of a peer that lcores asked for.
static void server_ring(struct memif_server *server, struct server_peer *peer)
{
	struct memif_link *link = peer->session.link;

	for (uint64_t calls = atomic_exchange(&link->calls, 0); calls; calls &= calls - 1) {
		const struct memif_ring *ring = &link->s2c[__builtin_ctzll(calls)];
		const uint64_t begin = server_cpu_ns();

		if (!memif_doorbell_ring(&server->doorbell, ring->interrupt)) {
			server_turn_away(server, peer, "a ring's interrupt is no eventfd");
			return;
		}
		if (server_cpu_ns() - begin > RING_NS_MAX) {
			server_turn_away(server, peer,
				"too many wait for a ring's eventfd: to wake them takes too long");
			return;
		}
	}
}

static void server_check_links(struct memif_server *server)
{
	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		struct server_peer *peer = &server->peers[i];
		const char *fault;

		if (peer->fd < 0 || !peer->session.link)
			continue;
		fault = atomic_load(&peer->session.link->fault);
		if (fault)
			server_turn_away(server, peer, fault);
		else
			server_ring(server, peer);
	}
}

static void server_expire(struct memif_server *server, uint64_t now)
{
	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		struct server_peer *peer = &server->peers[i];

		if (server_is_stranger(peer) && now - peer->since_ms >= HANDSHAKE_MS)
			server_turn_away(server, peer, "its handshake was not over in 5 s");
	}
}

// Milliseconds until there is something to do without being asked; -1: never.
static int server_patience(struct memif_server *server, uint64_t now)
{
	uint64_t until = server->accept_from_ms ? server->accept_from_ms : UINT64_MAX;

	for (uint32_t i = 0; i < PEERS_MAX; i++)
		if (server_is_stranger(&server->peers[i]) &&
			server->peers[i].since_ms + HANDSHAKE_MS < until)
			until = server->peers[i].since_ms + HANDSHAKE_MS;
	if (until == UINT64_MAX)
		return -1;
	return until > now ? (int)(until - now) : 0;
}

static void server_serve(struct memif_server *server, struct pollfd *polled)
{
	struct pollfd *peers = polled + 1, *sockets = peers + PEERS_MAX;
	uint64_t count;

	if (polled[0].revents && read(server->wake, &count, sizeof(count)) > 0)
		server_check_links(server);
	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		// It may have gone meanwhile; its place is taken below at the earliest.
		if (!peers[i].revents || server->peers[i].fd < 0)
			continue;
		for (uint32_t n = 0; n < MESSAGES_A_RUN; n++)
			if (!server_take_message(server, &server->peers[i]))
				break;
	}
	for (uint32_t i = 0; i < server->n_sockets; i++)
		if (sockets[i].revents)
			server_accept(server, &server->sockets[i]);
}

static void *server_run(void *argument)
{
	struct memif_server *server = argument;
	struct pollfd polled[1 + PEERS_MAX + MEMIF_PORTS_MAX];

	while (!atomic_load(&server->stop)) {
		const uint64_t now = server_now_ms();
		uint32_t n = 0;

		if (now >= server->accept_from_ms)
			server->accept_from_ms = 0;
		server_expire(server, now);
		polled[n++] = (struct pollfd){ .fd = server->wake, .events = POLLIN };
		for (uint32_t i = 0; i < PEERS_MAX; i++)
			polled[n++] =
				(struct pollfd){ .fd = server->peers[i].fd, .events = POLLIN };
		for (uint32_t i = 0; i < server->n_sockets && !server->accept_from_ms; i++)
			polled[n++] =
				(struct pollfd){ .fd = server->sockets[i].fd, .events = POLLIN };
		for (uint32_t i = n; i < 1 + PEERS_MAX + MEMIF_PORTS_MAX; i++)
			polled[i].revents = 0;
		if (poll(polled, n, server_patience(server, now)) > 0)
			server_serve(server, polled);
	}
	for (uint32_t i = 0; i < PEERS_MAX; i++)
		if (server->peers[i].fd >= 0)
			server_turn_away(server, &server->peers[i], "martletd ends");
	return NULL;
}

// --- From outside -------------------------------------------------------------------------------

int memif_server_create(struct rte_rcu_qsbr *qsbr, struct memif_server **out, struct error *err)
{
	struct memif_server *server = calloc(1, sizeof(*server));

	if (!server)
		return error_set(err, -ENOMEM, "no memory for the memif server");
	server->qsbr = qsbr;
	pthread_mutex_init(&server->lock, NULL);
	for (uint32_t i = 0; i < PEERS_MAX; i++)
		server->peers[i].fd = -1;
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->wake < 0)
		error_set(err, -errno, "no eventfd: %s", strerror(errno));
	if (server->wake < 0 || memif_doorbell_open(&server->doorbell, err) != 0 ||
		memif_region_guard(err) != 0) {
		memif_server_destroy(server);
		return err->code;
	}
	*out = server;
	return 0;
}

static struct server_socket *server_find_socket(
	struct memif_server *server, const struct memif_device *device)
{
	for (uint32_t i = 0; i < server->n_sockets; i++)
		if (server->sockets[i].is_abstract == device->is_abstract &&
			strcmp(server->sockets[i].name, device->socket) == 0)
			return &server->sockets[i];
	return NULL;
}

int memif_server_add(struct memif_server *server, const struct memif_device *device,
	struct memif_port *port, struct error *err)
{
	struct server_socket *socket = server_find_socket(server, device);

	for (uint32_t i = 0; socket && i < socket->n_ports; i++)
		if (socket->ports[i]->id == device->id)
			return error_set(err, -EINVAL,
				"id %u on this socket is port %s already: give each an id of its "
				"own",
				device->id, socket->ports[i]->name);
	if (!socket) {
		int fd;

		if (server->n_sockets == MEMIF_PORTS_MAX)
			return error_set(err, -EINVAL, "over %d memif sockets", MEMIF_PORTS_MAX);
		fd = memif_listen(device, err);
		if (fd < 0)
			return fd;
		socket = &server->sockets[server->n_sockets++];
		*socket = (struct server_socket){ .fd = fd, .is_abstract = device->is_abstract };
		memcpy(socket->name, device->socket, sizeof(socket->name));
		memcpy(socket->group, device->group, sizeof(socket->group));
	} else if (strcmp(socket->group, device->group) != 0) {
		return error_set(err, -EINVAL,
			"socket-group is '%s' here and '%s' at port %s, which has the same socket: "
			"the same at both would be right",
			device->group, socket->group, socket->ports[0]->name);
	}
	port->id = device->id;
	memcpy(port->secret, device->secret, sizeof(port->secret));
	socket->ports[socket->n_ports++] = port;
	return 0;
}

int memif_server_start(struct memif_server *server, struct error *err)
{
	int rc = pthread_create(&server->thread, NULL, server_run, server);

	if (rc != 0)
		return error_set(err, -rc, "no thread for the memif server: %s", strerror(rc));
	server->has_thread = true;
	pthread_setname_np(server->thread, "memif");
	return 0;
}

void memif_server_destroy(struct memif_server *server)
{
	const uint64_t one = 1;

	if (!server)
		return;
	atomic_store(&server->stop, true);
	if (server->has_thread && write(server->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(server->thread, NULL);
	for (uint32_t i = 0; i < server->n_sockets; i++) {
		close(server->sockets[i].fd);
		if (!server->sockets[i].is_abstract)
			unlink(server->sockets[i].name);
	}
	if (server->wake >= 0)
		close(server->wake);
	memif_doorbell_close(&server->doorbell);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
