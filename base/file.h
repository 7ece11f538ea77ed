// SPDX-License-Identifier: BSD-3-Clause
// Files, whole or in parts, read into memory. Blocks; any thread. Errors are sentences that name
// the file.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Opens for reading the regular file at `path`, relative to the open folder `folder` (or AT_FDCWD). All
// that an operator names is opened by this or what follows: a pipe would be waited for, a device may do
// something when it is opened. `name` is what sentences call the file.
// The descriptor; what opening it said, -EINVAL where it is a folder, a pipe, a socket or a device.
int file_open_at(int folder, const char *path, const char *name, struct error *err);

// The same where its last component is no link: -ELOOP.
int file_open_here(int folder, const char *path, const char *name, struct error *err);

// Reads the regular file at `path`, relative to the open folder `folder` (or AT_FDCWD), into
// *bytes, which the caller frees. They begin on a multiple of 64, and at least one zero byte that
// does not count follows the *size bytes of the file, so that text is a string.
// `name` is what sentences call the file: "<name>: cannot be opened: ...".
// Errors: what opening or reading it said, -EINVAL where it is no file, -EFBIG
// beyond `bytes_max`, -EIO where it ends before its size, -ENOMEM. On an error *bytes is NULL.
int file_read_at(int folder, const char *path, const char *name, size_t bytes_max, void **bytes,
	size_t *size, struct error *err);

// The same of the file of that name in the folder itself, where it is no link: -ELOOP.
int file_read_here(int folder, const char *file, const char *name, size_t bytes_max, void **bytes,
	size_t *size, struct error *err);

// The same of a path as the operator wrote it, which is the file's name, too.
int file_read(const char *path, size_t bytes_max, void **bytes, size_t *size, struct error *err);

// Opens the regular file at `path` as a stream for reading; NULL: refused as above.
FILE *file_open(const char *path, struct error *err);

// Opens the file at `path`, new or emptied, as a stream for writing; NULL: refused as above.
FILE *file_create(const char *path, struct error *err);

// Opens for reading the regular file at `path`, which somebody not trusted wrote: it is relative to
// the open folder `folder` and stays below it. No component is "..", and none is a link.
// The descriptor, or a negative errno as above; -EINVAL also where the path leads elsewhere, -ELOOP
// or -ENOTDIR at a link.
int file_open_below(int folder, const char *path, const char *name, struct error *err);

// `size` bytes of the open file from `offset` on: 0, a negative errno, -EIO where it ends before.
int file_read_part(int fd, uint64_t offset, void *bytes, size_t size);
