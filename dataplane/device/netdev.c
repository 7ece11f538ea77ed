// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/netdev.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int netdev_ask(int fd, uint32_t index, struct netdev_state *state)
{
	struct ifreq request = { .ifr_ifindex = (int)index };

	if (ioctl(fd, SIOCGIFNAME, &request) != 0)
		return -errno;
	memcpy(state->name, request.ifr_name, sizeof(state->name));
	state->name[sizeof(state->name) - 1] = '\0';
	if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		return -errno;
	state->is_up = request.ifr_flags & IFF_UP;
	state->has_carrier = request.ifr_flags & IFF_RUNNING;
	if (ioctl(fd, SIOCGIFMTU, &request) != 0)
		return -errno;
	state->mtu = (uint32_t)request.ifr_mtu;
	return 0;
}

int netdev_look(uint32_t index, struct netdev_state *state)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = netdev_ask(fd, index, state);
	close(fd);
	return rc;
}

uint32_t netdev_find(const char *name)
{
	return if_nametoindex(name);
}
