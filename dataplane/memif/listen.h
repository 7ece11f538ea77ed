// SPDX-License-Identifier: BSD-3-Clause
// The UNIX socket that memif peers connect to, and the ports that are served there.
#pragma once

#include "dataplane/memif/device.h"
#include "dataplane/memif/news.h"
#include "dataplane/memif/port.h"

#define MEMIF_PORTS_MAX 16

struct memif_listener {
	int fd;
	char name[sizeof(((struct memif_device *)0)->socket)];
	bool is_abstract;
	char group[sizeof(((struct memif_device *)0)->group)];
	struct memif_port *ports[MEMIF_PORTS_MAX]; // that differ by id
	uint32_t n_ports;
	struct memif_news_meter news;
};

// Listens on the device's path or abstract name; a socket that a killed process left behind is
// replaced. Where the device names a group, its members may connect beside our own user and root;
// without, whoever the umask lets write to the path. -EADDRINUSE where another process listens there,
// -ENOENT where there is no such group.
int memif_listener_open(
	struct memif_listener *listener, const struct memif_device *device, struct error *err);
// Removes the socket.
void memif_listener_close(struct memif_listener *listener);

bool memif_listener_is(const struct memif_listener *listener, const struct memif_device *device);
// One more port. -EINVAL where its device says something else of the socket than the first one's, or
// its id is another's.
int memif_listener_add(struct memif_listener *listener, const struct memif_device *device,
	struct memif_port *port, struct error *err);
