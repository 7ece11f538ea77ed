// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/listener.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Who waits here is let in by the gate. Beyond it a connection is refused, as if nobody listened.
#define BACKLOG SOMAXCONN

struct listener {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int lock, fd;
	bool bound;
	struct socket_acl acl;
};

static int listener_make_parents(const char *path, struct error *err)
{
	char part[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return error_set(err, -errno,
				"control.socket: folder %s cannot be created: %s", part,
				strerror(errno));
		*slash = '/';
	}
	return 0;
}

// After a crash the lock file is still there, but nobody holds the lock: whoever gets it may replace
// the socket.
static int listener_take_lock(struct listener *l, struct error *err)
{
	char path[sizeof(l->path) + 8];
	char pid[16] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "%s.lock", l->path);
	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (l->lock < 0)
		return error_set(err, -errno, "control.socket: %s cannot be created: %s", path,
			strerror(errno));
	if (flock(l->lock, LOCK_EX | LOCK_NB) != 0) {
		n = pread(l->lock, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		return error_set(err, -EBUSY,
			"control.socket: %s is served by another martletd (pid %ld); stop it, or "
			"name another socket",
			l->path, strtol(pid, NULL, 10));
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(l->lock, 0) != 0 || pwrite(l->lock, pid, (size_t)n, 0) != n)
		return error_set(err, -errno, "control.socket: %s cannot be written: %s", path,
			strerror(errno));
	return 0;
}

// Removes a socket that nobody listens on any more: its process is dead. Anything else at that path
// is somebody's, and stays.
static int listener_clear_stale(
	const struct listener *l, const struct sockaddr_un *address, struct error *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(l->path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
			"control.socket: %s exists and is no socket; remove it, or name another "
			"path",
			l->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (rc != 0 && errno == EAGAIN) // somebody listens, but its backlog is full
		rc = 0;
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		return error_set(err, -EBUSY,
			"control.socket: %s is served by another process; stop it, or name another "
			"socket",
			l->path);
	unlink(l->path);
	return 0;
}

static int listener_bind_and_listen(struct listener *l, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	int rc;

	memcpy(address.sun_path, l->path, sizeof(l->path));
	rc = listener_clear_stale(l, &address, err);
	if (rc != 0)
		return rc;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0177); // nobody can connect before group and mode are set
	rc = l->fd < 0 ? -1 : bind(l->fd, (struct sockaddr *)&address, sizeof(address));
	umask(before);
	l->bound = rc == 0;
	if (rc == 0 && l->acl.has_group)
		rc = chown(l->path, (uid_t)-1, l->acl.group);
	if (rc == 0)
		rc = chmod(l->path, 0660);
	if (rc == 0)
		rc = listen(l->fd, BACKLOG);
	if (rc != 0)
		return error_set(err, -errno, "control.socket: %s cannot be served: %s", l->path,
			strerror(errno));
	return 0;
}

int listener_open(const char *path, const char *group, struct listener **out, struct error *err)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct group *entry = NULL;
	int rc = 0;

	if (!l)
		return error_set(err, -ENOMEM, "control.socket: no memory");
	l->lock = l->fd = -1;
	if (strlen(path) >= sizeof(l->path))
		rc = error_set(err, -ENAMETOOLONG,
			"control.socket: %.120s... is too long: %zu bytes are possible", path,
			sizeof(l->path) - 1);
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->acl.path = l->path;
	if (rc == 0 && group[0]) {
		entry = getgrnam(group);
		l->acl.has_group = entry != NULL;
		l->acl.group = entry ? entry->gr_gid : 0;
		if (!entry)
			rc = error_set(
				err, -ENOENT, "control.group: there is no group '%s' here", group);
	}
	if (rc == 0)
		rc = listener_make_parents(path, err);
	if (rc == 0)
		rc = listener_take_lock(l, err);
	if (rc == 0)
		rc = listener_bind_and_listen(l, err);
	if (rc != 0) {
		listener_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

int listener_admit(
	struct listener *l, const struct socket_guest *guests, size_t n, struct error *err)
{
	return socket_acl_set(&l->acl, guests, n, err);
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	if (l->bound)
		unlink(l->path);
	if (l->lock >= 0)
		close(l->lock); // the file stays: removing it would race with the next holder
	free(l);
}

int listener_fd(const struct listener *l)
{
	return l->fd;
}
