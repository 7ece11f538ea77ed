// SPDX-License-Identifier: BSD-3-Clause
// The API's UNIX socket: bound by one process at a time, open to root, our own user and, where the
// configuration names them, a group and others.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listener;

// A user, or the members of a group.
struct listener_guest {
	bool is_group;
	uint32_t id;
};

// Takes the lock, replaces the socket of a process that is gone, binds and listens. `group` may use
// it, too; "" names none.
// -EBUSY where a live process holds it; -EACCES, -ENOENT, ... with a sentence.
int listener_open(const char *path, const char *group, struct listener **out, struct error *err);
// Who may connect beside those, instead of whom was said before, by an access list of the socket's file (acl(5)).
// Without any, a list that is not ours stays as it is. -EOPNOTSUPP where its file system has none, or what the kernel
// says, with a sentence; where that is -EINVAL, of one whom a user namespace does not know, the others are let in.
int listener_admit(struct listener *listener, const struct listener_guest *guests, size_t n,
	struct error *err);
// Removes the socket. NULL is fine.
void listener_close(struct listener *listener);
int listener_fd(const struct listener *listener); // non-blocking; owned by the listener
