// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

int tcp_listen(const struct sockaddr *address, socklen_t bytes, int *out)
{
	const int yes = 1;
	const int fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int rc;

	if (fd < 0)
		return -errno;
	// Without IPV6_V6ONLY the socket would take the IPv4 port, too.
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
		(address->sa_family != AF_INET6 ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) == 0) &&
		bind(fd, address, bytes) == 0 && listen(fd, SOMAXCONN) == 0) {
		*out = fd;
		return 0;
	}
	rc = -errno;
	close(fd);
	return rc;
}
