// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif/listen.h"

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

int memif_listen(const char *name, bool is_abstract, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	// Abstract names have a NUL in front and none behind.
	const socklen_t bytes =
		(socklen_t)(is_abstract ? offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)
					: sizeof(address));
	int fd;

	if (bytes > sizeof(address))
		return error_set(err, -EINVAL, "the abstract socket's name is too long: %s", name);
	if (!is_abstract && listen_take_path(name, err) != 0)
		return err->code;
	memcpy(address.sun_path + is_abstract, name, strlen(name));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "no socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&address, bytes) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error_set(err, -errno, "%s%s: %s%s", is_abstract ? "abstract socket " : "", name,
		strerror(errno), errno == ENOENT ? ": there is no such folder" : "");
	close(fd);
	return err->code;
}
