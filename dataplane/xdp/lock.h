// SPDX-License-Identifier: BSD-3-Clause
// One of our programs at a time has an interface for AF_XDP. Who has it holds an abstract socket that
// bears the interface's number: such names belong to the network namespace, as interfaces do, so that
// they hold across mount namespaces, and the kernel takes them back from a program that was killed.
#pragma once

#include "base/error.h"

#include <stdint.h>

// What `*lock` is where there is none to be had: see xdp_lock_take().
#define XDP_LOCK_NONE (-1)

// -EADDRINUSE with a sentence that names the interface and who has it. A user without the right to
// have AF_XDP sockets may take the name to keep us from starting: that one is not believed, nor one who
// has the name for a second without listening, and `*lock` is XDP_LOCK_NONE.
int xdp_lock_take(uint32_t if_index, const char *interface, int *lock, struct error *err);
// Forgets who asked for our name. To be called now and then.
void xdp_lock_answer(int lock);
void xdp_lock_release(int lock);
