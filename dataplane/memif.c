// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memif.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// __SO_ACCEPTCON of linux/net.h
#define ACCEPTS_CONNECTIONS 0x10000u

// Copies the value of an argument of the device, which ends at a comma. False where there is no
// such argument or its value does not fit `size` bytes.
static bool memif_argument(const char *device, const char *name, char *value, size_t size)
{
	const size_t name_bytes = strlen(name);

	for (const char *at = strchr(device, ','); at; at = strchr(at, ',')) {
		size_t bytes;

		at++;
		if (strncmp(at, name, name_bytes) != 0 || at[name_bytes] != '=')
			continue;
		at += name_bytes + 1;
		bytes = strcspn(at, ",");
		if (bytes >= size)
			return false;
		memcpy(value, at, bytes);
		value[bytes] = '\0';
		return true;
	}
	return false;
}

// Whether a process listens on the socket. The kernel's table tells, and no connection is tried,
// for one that is closed at once makes DPDK's memif server panic. The table does not show a server
// in another network namespace.
static bool memif_is_served(const char *path)
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

int memif_take_socket(const char *device, struct error *err)
{
	char role[16], abstract[8], path[sizeof((struct sockaddr_un){ 0 }.sun_path)];
	struct stat st;

	if (strncmp(device, "net_memif", 9) != 0 ||
		!memif_argument(device, "role", role, sizeof(role)) ||
		strcmp(role, "server") != 0 ||
		!memif_argument(device, "socket-abstract", abstract, sizeof(abstract)) ||
		strcmp(abstract, "no") != 0 ||
		!memif_argument(device, "socket", path, sizeof(path)))
		return 0;
	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return 0;
	if (memif_is_served(path))
		return error_set(err, -EADDRINUSE, "%s is served by another process", path);
	unlink(path);
	return 0;
}
