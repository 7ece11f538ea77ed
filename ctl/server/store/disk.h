// SPDX-License-Identifier: BSD-3-Clause
// The system calls that change the store, and the seam between those who want one made
// (store_change.c) and those who make it: io_uring (disk_ring.h) or ordinary calls (disk_plain.h).
// Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum disk_call_kind {
	DISK_MAKE_FOLDER, // mkdirat(folder, path, mode)
	DISK_OPEN,        // openat(folder, path, flags, mode); gives the descriptor
	DISK_WRITE,       // pwrite(fd, data, size, offset); gives the bytes written
	DISK_SYNC,        // fsync(fd)
	DISK_RENAME,      // renameat(folder, path, folder, new_path)
	DISK_REMOVE,      // unlinkat(folder, path, flags)
};

struct disk_call {
	enum disk_call_kind kind;
	int folder, fd;
	const char *path, *new_path;
	int flags;
	mode_t mode;
	const void *data;
	size_t size;
	uint64_t offset;
	// Where the call is not made at once: from the event loop, with what it gave or -errno.
	void (*done)(void *arg, int result);
	void *arg;
};

struct disk {
	// True: the call is made, and *result is what it gave or -errno. False: it is under way;
	// `call` and all that it points to must stay until its done() is called.
	bool (*make)(struct disk *disk, struct disk_call *call, int *result);
	void (*settle)(struct disk *disk);  // waits until nothing is under way
	void (*destroy)(struct disk *disk); // nothing may be under way
};
