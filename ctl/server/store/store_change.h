// SPDX-License-Identifier: BSD-3-Clause
// Changes of the store. Each is a chain of system calls: a temporary file, write, fsync, rename,
// fsync of the folder. When done() says so the change is durable. Where a call fails, and after a
// crash at any moment, a file is as it was before or as it should be. Control thread only.
#pragma once

#include "base/error.h"

#include <stddef.h>

struct store;

// NULL: the change is made, durably. Otherwise what failed, where and why. It may be called before
// the function that began the change returns.
typedef void (*store_done)(void *arg, const struct error *err);

// `data` must stay until done(). One change of a model at a time.
void store_write(struct store *store, const char *model, const char *file, const void *data,
	size_t size, store_done done, void *arg);
// Also removes the model's folder where this was the last file in it. It is no failure where there
// is no such file: so a removal that failed half-way can be asked for again.
void store_remove(
	struct store *store, const char *model, const char *file, store_done done, void *arg);
// Ends the changes under way: waits for the system call at hand and makes no other. Their done() is
// told so, and so is that of any begun afterwards.
void store_cancel(struct store *store);
