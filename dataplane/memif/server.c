// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/server.h"

#include "dataplane/memif/doorbell.h"
#include "dataplane/memif/listen.h"
#include "dataplane/memif/news.h"
#include "dataplane/memif/peers.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 100 // without accepting, where no descriptor is to be had

struct memif_server {
	struct memif_listener listeners[MEMIF_PORTS_MAX];
	uint32_t n_listeners;
	int wake; // eventfd: stop, or a link has failed, or has calls
	struct memif_doorbell doorbell;
	struct memif_news news;
	pthread_t thread;
	bool has_thread;
	_Atomic(bool) stop;

	// The thread's own.
	struct memif_peers peers;
	uint64_t accept_from_ms; // 0: now
};

// --- The thread ---------------------------------------------------------------------------------

static void server_accept(struct memif_server *server, struct memif_listener *listener)
{
	// cppcheck-suppress nullPointer ; who it is, the credentials of its messages say
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		memif_peers_admit(&server->peers, listener, fd);
		return;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return;
	server->accept_from_ms = memif_now_ms() + PAUSE_MS;
	memif_news_tell(&server->news, &listener->news, "memif: no peer can be accepted: %s",
		strerror(errno));
}

// Milliseconds until there is something to do without being asked; -1: never.
static int server_patience(const struct memif_server *server, uint64_t now)
{
	const uint64_t expire = memif_peers_expire_ms(&server->peers);
	const uint64_t until = server->accept_from_ms && server->accept_from_ms < expire
		? server->accept_from_ms
		: expire;

	if (until == UINT64_MAX)
		return -1;
	return until > now ? (int)(until - now) : 0;
}

static void server_serve(struct memif_server *server, struct pollfd *polled)
{
	struct pollfd *peers = polled + 1, *listeners = peers + MEMIF_PEERS_MAX;
	uint64_t count;

	if (polled[0].revents && read(server->wake, &count, sizeof(count)) > 0)
		memif_peers_check_links(&server->peers);
	for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++)
		// It may have gone meanwhile; its place is taken below at the earliest.
		if (peers[i].revents && server->peers.all[i].fd >= 0)
			memif_peers_take(&server->peers, i);
	for (uint32_t i = 0; i < server->n_listeners; i++)
		if (listeners[i].revents)
			server_accept(server, &server->listeners[i]);
}

static void *server_run(void *argument)
{
	struct memif_server *server = argument;
	struct pollfd polled[1 + MEMIF_PEERS_MAX + MEMIF_PORTS_MAX];

	while (!atomic_load(&server->stop)) {
		const uint64_t now = memif_now_ms();
		uint32_t n = 0;

		if (now >= server->accept_from_ms)
			server->accept_from_ms = 0;
		memif_peers_expire(&server->peers, now);
		polled[n++] = (struct pollfd){ .fd = server->wake, .events = POLLIN };
		for (uint32_t i = 0; i < MEMIF_PEERS_MAX; i++)
			polled[n++] =
				(struct pollfd){ .fd = server->peers.all[i].fd, .events = POLLIN };
		for (uint32_t i = 0; i < server->n_listeners && !server->accept_from_ms; i++)
			polled[n++] =
				(struct pollfd){ .fd = server->listeners[i].fd, .events = POLLIN };
		for (uint32_t i = n; i < 1 + MEMIF_PEERS_MAX + MEMIF_PORTS_MAX; i++)
			polled[i].revents = 0;
		if (poll(polled, n, server_patience(server, now)) > 0)
			server_serve(server, polled);
	}
	memif_peers_fini(&server->peers);
	return NULL;
}

// --- From outside -------------------------------------------------------------------------------

int memif_server_create(struct rte_rcu_qsbr *qsbr, struct memif_server **out, struct error *err)
{
	struct memif_server *server = calloc(1, sizeof(*server));

	if (!server)
		return error_set(err, -ENOMEM, "no memory for the memif server");
	memif_news_init(&server->news);
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memif_peers_init(&server->peers, qsbr, &server->news, &server->doorbell, server->wake);
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

int memif_server_add(struct memif_server *server, const struct memif_device *device,
	struct memif_port *port, struct error *err)
{
	struct memif_listener *listener = NULL;
	int rc;

	for (uint32_t i = 0; i < server->n_listeners && !listener; i++)
		if (memif_listener_is(&server->listeners[i], device))
			listener = &server->listeners[i];
	if (!listener) {
		if (server->n_listeners == MEMIF_PORTS_MAX)
			return error_set(err, -EINVAL, "over %d memif sockets", MEMIF_PORTS_MAX);
		listener = &server->listeners[server->n_listeners];
		rc = memif_listener_open(listener, device, err);
		if (rc != 0)
			return rc;
		server->n_listeners++;
	}
	return memif_listener_add(listener, device, port, err);
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
	for (uint32_t i = 0; i < server->n_listeners; i++)
		memif_listener_close(&server->listeners[i]);
	if (server->wake >= 0)
		close(server->wake);
	memif_doorbell_close(&server->doorbell);
	memif_news_fini(&server->news);
	free(server);
}

bool memif_server_news(struct memif_server *server, char *text, size_t size)
{
	return memif_news_next(&server->news, text, size);
}
