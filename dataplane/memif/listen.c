// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/listen.h"

#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// __SO_ACCEPTCON of linux/net.h
#define ACCEPTS_CONNECTIONS 0x10000u
#define BACKLOG             64

// Whether a process listens on the socket. The kernel's table tells, and no connection is tried,
// for one that is closed at once makes DPDK's own memif server panic. The table does not show a
// server in another network namespace.
static bool listen_is_served(const char *path)
{
	FILE *table = fopen("/proc/net/unix", "re");
	char line[256];
	bool found = false;

	if (!table)
		return true;
	while (!found && fgets(line, sizeof(line), table)) {
		unsigned int flags;
		int at = 0;

		// Num: RefCount Protocol Flags Type St Inode Path, proc(5)
		line[strcspn(line, "\n")] = '\0';
		found = sscanf(line, "%*x: %*x %*x %x %*x %*x %*u %n", &flags, &at) == 1 &&
			at > 0 && (flags & ACCEPTS_CONNECTIONS) && strcmp(line + at, path) == 0;
	}
	fclose(table);
	return found;
}

static int listen_take_path(const char *path, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return 0;
	if (listen_is_served(path))
		return error_set(err, -EADDRINUSE, "%s is served by another process", path);
	unlink(path);
	return 0;
}

// The members of the group may connect to the path. Who is neither root nor one of them cannot give it
// to them.
static int listen_admit(const char *path, gid_t group, const char *name, struct error *err)
{
	if (chown(path, (uid_t)-1, group) == 0 && chmod(path, 0660) == 0)
		return 0;
	return error_set(err, -errno, "%s cannot be given to the group %s: %s%s", path, name,
		strerror(errno),
		errno == EPERM ? ": martletd's user must be a member of it "
				 "(SupplementaryGroups= in the service's unit)"
			       : "");
}

static int listen_bind(int fd, const struct memif_device *device, const struct group *group,
	const struct sockaddr_un *address, socklen_t bytes, struct error *err)
{
	// Nobody can connect before the group may.
	const mode_t before = group ? umask(0177) : 0;
	int rc = bind(fd, (const struct sockaddr *)address, bytes);

	if (group)
		umask(before);
	if (rc == 0 && group &&
		listen_admit(device->socket, group->gr_gid, device->group, err) != 0) {
		unlink(device->socket);
		return err->code;
	}
	if (rc == 0 && listen(fd, BACKLOG) == 0)
		return 0;
	return error_set(err, -errno, "%s%s: %s%s", device->is_abstract ? "abstract socket " : "",
		device->socket, strerror(errno),
		errno == ENOENT ? ": there is no such folder" : "");
}

static int listen_open(const struct memif_device *device, struct error *err)
{
	const char *name = device->socket;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	// Abstract names have a NUL in front and none behind.
	const socklen_t bytes = (socklen_t)(device->is_abstract
			? offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)
			: sizeof(address));
	const struct group *group = device->group[0] ? getgrnam(device->group) : NULL;
	int fd;

	if (device->group[0] && !group)
		return error_set(err, -ENOENT,
			"socket-group=%s: there is no such group here; add it with 'groupadd "
			"--system %s'",
			device->group, device->group);
	if (bytes > sizeof(address))
		return error_set(err, -EINVAL, "the abstract socket's name is too long: %s", name);
	if (!device->is_abstract && listen_take_path(name, err) != 0)
		return err->code;
	memcpy(address.sun_path + device->is_abstract, name, strlen(name));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "no socket: %s", strerror(errno));
	if (listen_bind(fd, device, group, &address, bytes, err) == 0)
		return fd;
	close(fd);
	return err->code;
}

int memif_listener_open(
	struct memif_listener *listener, const struct memif_device *device, struct error *err)
{
	const int fd = listen_open(device, err);

	if (fd < 0)
		return fd;
	*listener = (struct memif_listener){
		.fd = fd, .is_abstract = device->is_abstract, .news = MEMIF_NEWS_METER
	};
	memcpy(listener->name, device->socket, sizeof(listener->name));
	memcpy(listener->group, device->group, sizeof(listener->group));
	return 0;
}

void memif_listener_close(struct memif_listener *listener)
{
	close(listener->fd);
	if (!listener->is_abstract)
		unlink(listener->name);
}

bool memif_listener_is(const struct memif_listener *listener, const struct memif_device *device)
{
	return listener->is_abstract == device->is_abstract &&
		strcmp(listener->name, device->socket) == 0;
}

int memif_listener_add(struct memif_listener *listener, const struct memif_device *device,
	struct memif_port *port, struct error *err)
{
	for (uint32_t i = 0; i < listener->n_ports; i++)
		if (listener->ports[i]->id == device->id)
			return error_set(err, -EINVAL,
				"id %u on this socket is port %s already: give each an id of its "
				"own",
				device->id, listener->ports[i]->name);
	if (strcmp(listener->group, device->group) != 0)
		return error_set(err, -EINVAL,
			"socket-group is '%s' here and '%s' at port %s, which has the same socket: "
			"the same at both would be right",
			device->group, listener->group, listener->ports[0]->name);
	if (listener->n_ports == MEMIF_PORTS_MAX)
		return error_set(err, -EINVAL, "over %d ports on a memif socket", MEMIF_PORTS_MAX);
	port->id = device->id;
	memcpy(port->secret, device->secret, sizeof(port->secret));
	listener->ports[listener->n_ports++] = port;
	return 0;
}
