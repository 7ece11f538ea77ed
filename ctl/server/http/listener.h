// SPDX-License-Identifier: BSD-3-Clause
// The API's UNIX socket: bound by one process at a time, open to root, our own user and, where the
// configuration names one, a group.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct listener;

// Takes the lock, replaces the socket of a process that is gone, binds and listens. `group` may use
// it, too; "" names none.
// -EBUSY where a live process holds it; -EACCES, -ENOENT, ... with a sentence.
int listener_open(const char *path, const char *group, struct listener **out, struct error *err);
// Removes the socket. NULL is fine.
void listener_close(struct listener *listener);
int listener_fd(const struct listener *listener); // non-blocking; owned by the listener
