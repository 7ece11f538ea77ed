// SPDX-License-Identifier: BSD-3-Clause
// Whose process is at the other end of a UNIX socket, by the kernel's word. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer {
	uid_t uid;
	gid_t *groups; // malloc'ed: its own first, and its supplementary ones
	size_t n;
};

// As it was when it connected. False where nobody knows, or without memory.
bool peer_read(int fd, struct peer *peer);
void peer_fini(struct peer *peer);
