// SPDX-License-Identifier: BSD-3-Clause
#include "base/file.h"

#include "base/align.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read_part(int fd, uint64_t offset, void *bytes, size_t size)
{
	// A signal may interrupt a read, and one read may give less than was asked for.
	for (size_t done = 0; done < size;) {
		ssize_t got = pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		done += (size_t)got;
	}
	return 0;
}

// What stands at a path instead of a file.
static const char *file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a folder";
	case S_IFIFO:
		return "a pipe (FIFO)";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

static int file_refuse_kind(const char *name, mode_t mode, struct error *err)
{
	return error_set(err, -EINVAL, "%s: is not a file but %s", name, file_kind(mode));
}

static int file_open_how(
	int folder, const char *path, bool follow, const char *name, struct error *err)
{
	struct stat status;
	int fd;

	// Before it is opened: to open a device may do something, and a socket cannot be opened.
	if (fstatat(folder, path, &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
		!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
		return file_refuse_kind(name, status.st_mode, err);
	// O_NONBLOCK: should a pipe have come there since, nobody is waited for.
	fd = openat(folder, path,
		O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0 && errno == ELOOP && !follow)
		return error_set(
			err, -ELOOP, "%s: is a symbolic link; it must be the file itself", name);
	if (fd < 0)
		return error_set(err, -errno, "%s: cannot be opened: %s", name, strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return file_refuse_kind(name, status.st_mode, err);
}

int file_open_at(int folder, const char *path, const char *name, struct error *err)
{
	return file_open_how(folder, path, true, name, err);
}

int file_open_here(int folder, const char *path, const char *name, struct error *err)
{
	return file_open_how(folder, path, false, name, err);
}

static int file_read_open(
	int fd, const char *name, size_t bytes_max, void **bytes, size_t *size, struct error *err)
{
	struct stat status;
	size_t capacity;
	int rc;

	if (fstat(fd, &status) != 0)
		return error_set(err, -errno, "%s: %s", name, strerror(errno));
	if ((unsigned long long)status.st_size > bytes_max)
		return error_set(err, -EFBIG, "%s: has %lld bytes; at most %zu are possible", name,
			(long long)status.st_size, bytes_max);
	*size = (size_t)status.st_size;
	capacity = align_up(*size + 1, 64);
	*bytes = aligned_alloc(64, capacity);
	if (!*bytes)
		return error_set(err, -ENOMEM, "%s: no memory to read it", name);
	memset((char *)*bytes + *size, 0, capacity - *size);
	rc = file_read_part(fd, 0, *bytes, *size);
	if (rc != 0) {
		free(*bytes);
		*bytes = NULL;
		return error_set(err, rc, "%s: cannot be read: %s", name, strerror(-rc));
	}
	return 0;
}

// Closes fd.
static int file_read_fd(
	int fd, const char *name, size_t bytes_max, void **bytes, size_t *size, struct error *err)
{
	int rc;

	*bytes = NULL;
	*size = 0;
	if (fd < 0)
		return fd;
	rc = file_read_open(fd, name, bytes_max, bytes, size, err);
	close(fd);
	return rc;
}

int file_read_at(int folder, const char *path, const char *name, size_t bytes_max, void **bytes,
	size_t *size, struct error *err)
{
	return file_read_fd(
		file_open_at(folder, path, name, err), name, bytes_max, bytes, size, err);
}

int file_read_here(int folder, const char *file, const char *name, size_t bytes_max, void **bytes,
	size_t *size, struct error *err)
{
	return file_read_fd(
		file_open_here(folder, file, name, err), name, bytes_max, bytes, size, err);
}

int file_read(const char *path, size_t bytes_max, void **bytes, size_t *size, struct error *err)
{
	return file_read_at(AT_FDCWD, path, path, bytes_max, bytes, size, err);
}

FILE *file_open(const char *path, struct error *err)
{
	const int fd = file_open_at(AT_FDCWD, path, path, err);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		error_set(err, -ENOMEM, "%s: no memory to read it", path);
	}
	return file;
}

FILE *file_create(const char *path, struct error *err)
{
	struct stat status;
	FILE *file;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		file_refuse_kind(path, status.st_mode, err);
		return NULL;
	}
	file = fopen(path, "we");
	if (!file)
		error_set(err, -errno, "%s: %s", path, strerror(errno));
	return file;
}

// The folder or file `part` of the open `folder`; "" and "." are the folder itself.
static int file_step(int folder, const char *part, bool last)
{
	struct stat status;

	if (strcmp(part, "..") == 0)
		return -EINVAL;
	if (!last && (!*part || strcmp(part, ".") == 0))
		part = ".";
	if (last && fstatat(folder, part, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
		return -ENOTSUP;
	folder = openat(folder, part,
		O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY));
	return folder < 0 ? -errno : folder;
}

static const char *file_why_not(int rc)
{
	switch (rc) {
	case -ENOTSUP:
		return "is not a file";
	case -EINVAL:
		return "is no file in the folder or below: \"..\" leads out of it";
	case -ELOOP:
		return "is a symbolic link; it must be the file itself";
	case -ENOTDIR:
		return "lies in what is no folder; links are not followed";
	default:
		return strerror(-rc);
	}
}

int file_open_below(int folder, const char *path, const char *name, struct error *err)
{
	char parts[PATH_MAX], *part = parts;
	struct stat status;
	int fd = -1;

	if (*path == '/' || !*path || strlen(path) >= sizeof(parts))
		return error_set(
			err, -EINVAL, "%.80s: is no path of a file in the folder or below", name);
	memcpy(parts, path, strlen(path) + 1);
	for (;;) {
		char *slash = strchr(part, '/');
		int next;

		if (slash)
			*slash = '\0';
		next = file_step(fd < 0 ? folder : fd, part, !slash);
		if (fd >= 0)
			close(fd);
		if (next < 0)
			return error_set(err, next == -ENOTSUP ? -EINVAL : next, "%.80s: %s", name,
				file_why_not(next));
		fd = next;
		if (!slash)
			break;
		part = slash + 1;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return error_set(err, -EINVAL, "%.80s: is not a file", name);
}
