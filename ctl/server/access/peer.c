// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/access/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FEW 32 // groups that most have at most

// The groups that a service manager, newgrp or setpriv gave it. What files or a directory say of its user is no
// matter, and to ask them could take long.
bool peer_read(int fd, struct peer *peer)
{
	struct ucred process;
	socklen_t size = sizeof(process), bytes = FEW * sizeof(gid_t);
	gid_t *groups;
	int rc;

	*peer = (struct peer){ .uid = (uid_t)-1 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size) != 0)
		return false;
	groups = malloc(sizeof(gid_t) + bytes);
	rc = groups ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &bytes) : 0;
	if (rc != 0 && errno == ERANGE) {
		free(groups);
		groups = malloc(sizeof(gid_t) + bytes);
		rc = groups ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &bytes) : 0;
	}
	if (!groups)
		return false;
	groups[0] = process.gid;
	peer->uid = process.uid;
	peer->groups = groups;
	peer->n = 1 + (rc == 0 ? bytes / sizeof(gid_t) : 0);
	return true;
}

void peer_fini(struct peer *peer)
{
	free(peer->groups);
	*peer = (struct peer){ .uid = (uid_t)-1 };
}
