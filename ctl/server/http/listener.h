// SPDX-License-Identifier: BSD-3-Clause
// The API's UNIX socket: bound by one process at a time, open to root, our own user and, where the
// configuration names them, a group and others.
#pragma once

#include "base/error.h"
#include "ctl/server/http/socket_acl.h"

#include <stddef.h>

struct listener;

// Takes the lock, replaces the socket of a process that is gone, binds and listens. `group` may use
// it, too; "" names none.
// -EBUSY where a live process holds it; -EACCES, -ENOENT, ... with a sentence.
int listener_open(const char *path, const char *group, struct listener **out, struct error *err);
// Who may connect beside those, instead of whom was said before, by socket_acl_set(), which says what is returned.
int listener_admit(
	struct listener *listener, const struct socket_guest *guests, size_t n, struct error *err);
// Removes the socket. NULL is fine.
void listener_close(struct listener *listener);
int listener_fd(const struct listener *listener); // non-blocking; owned by the listener
