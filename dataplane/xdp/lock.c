// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/xdp/lock.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES        100
#define TRY_US       10000
#define CAP_NET_RAW  13 // takes part in every AF_XDP socket's making
#define STATUS_BYTES 4096
#define ANSWERS_MOST 1024 // at once: anybody may ask, and as fast as we answer

static socklen_t lock_address(uint32_t if_index, struct sockaddr_un *address)
{
	int n;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	// The first byte is a NUL, which makes the name abstract.
	n = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "martlet/af_xdp/%u",
		if_index);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

// Who listens on the name. -ECONNREFUSED while it is bound and not listened on yet, or no more.
static int lock_ask(const struct sockaddr_un *address, socklen_t bytes, struct ucred *holder)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;
	socklen_t size = sizeof(*holder);

	*holder = (struct ucred){ .pid = 0 };
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, bytes) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, holder, &size) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static bool lock_read(pid_t pid, const char *what, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
	return n > 0;
}

// Root and our own user are; of others, whose programs may have AF_XDP sockets.
static bool lock_is_believed(const struct ucred *holder)
{
	char status[STATUS_BYTES];
	const char *at;
	uint64_t capabilities;

	if (holder->uid == 0 || holder->uid == geteuid())
		return true;
	if (holder->pid <= 0 || !lock_read(holder->pid, "status", status, sizeof(status)))
		return false;
	at = strstr(status, "CapEff:");
	return at && sscanf(at, "CapEff: %" SCNx64, &capabilities) == 1 &&
		capabilities >> CAP_NET_RAW & 1;
}

static int lock_refuse(const char *interface, const struct ucred *holder, struct error *err)
{
	char name[32] = "a program";

	if (holder->pid <= 0)
		return error_set(err, -EADDRINUSE,
			"interface %s is held for AF_XDP by a program of uid %u that this process "
			"cannot see (in another container): it has to end first",
			interface, holder->uid);
	if (lock_read(holder->pid, "comm", name, sizeof(name)))
		name[strcspn(name, "\n")] = '\0';
	return error_set(err, -EADDRINUSE,
		"interface %s is held for AF_XDP by %s (pid %d, uid %u): it has to end first, or "
		"this port takes another interface",
		interface, name, (int)holder->pid, holder->uid);
}

int xdp_lock_take(uint32_t if_index, const char *interface, int *lock, struct error *err)
{
	struct sockaddr_un address;
	socklen_t bytes = lock_address(if_index, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;
	struct ucred holder = { .pid = 0 };

	*lock = XDP_LOCK_NONE;
	if (fd < 0)
		return error_set(err, -errno, "interface %s cannot be locked: %s", interface,
			strerror(errno));
	// Whoever has the name may be about to listen, or to end.
	for (int i = 0; i < TRIES; i++) {
		if (bind(fd, (const struct sockaddr *)&address, bytes) == 0 &&
			listen(fd, SOMAXCONN) == 0) {
			*lock = fd;
			return 0;
		}
		rc = -errno;
		if (rc != -EADDRINUSE)
			break;
		rc = lock_ask(&address, bytes, &holder);
		if (rc != -ECONNREFUSED)
			break;
		usleep(TRY_US);
	}
	close(fd);
	if (rc != 0 && rc != -ECONNREFUSED && rc != -EAGAIN)
		return error_set(
			err, rc, "interface %s cannot be locked: %s", interface, strerror(-rc));
	// Ours listen at once: who has not done so by now means to keep us away, and cannot be asked for.
	if (rc == -ECONNREFUSED || (rc == 0 && !lock_is_believed(&holder)))
		return 0;
	return lock_refuse(interface, &holder, err);
}

void xdp_lock_answer(int lock)
{
	if (lock == XDP_LOCK_NONE)
		return;
	for (int i = 0; i < ANSWERS_MOST; i++) {
		// cppcheck-suppress nullPointer ; nobody's address is asked for
		int fd = accept4(lock, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		close(fd);
	}
}

void xdp_lock_release(int lock)
{
	if (lock != XDP_LOCK_NONE)
		close(lock);
}
