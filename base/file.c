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

static int file_read_open(
	int fd, const char *name, size_t bytes_max, void **bytes, size_t *size, struct error *err)
{
	struct stat status;
	size_t capacity;
	int rc;

	if (fstat(fd, &status) != 0)
		return error_set(err, -errno, "%s: %s", name, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s: is not a file", name);
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

int file_read_at(int folder, const char *path, const char *name, size_t bytes_max, void **bytes,
	size_t *size, struct error *err)
{
	// O_NONBLOCK: a pipe without a writer is to be refused, not waited for.
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	*bytes = NULL;
	*size = 0;
	if (fd < 0)
		return error_set(err, -errno, "%s: cannot be opened: %s", name, strerror(errno));
	rc = file_read_open(fd, name, bytes_max, bytes, size, err);
	close(fd);
	return rc;
}

int file_read(const char *path, size_t bytes_max, void **bytes, size_t *size, struct error *err)
{
	return file_read_at(AT_FDCWD, path, path, bytes_max, bytes, size, err);
}

FILE *file_open(const char *path, struct error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	FILE *file;

	if (fd < 0) {
		error_set(err, -errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		error_set(err, -EINVAL, "%s: is not a file", path);
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		error_set(err, -ENOMEM, "%s: no memory to read it", path);
	}
	return file;
}

// The folder or file `part` of the open `folder`; "" and "." are the folder itself.
static int file_step(int folder, const char *part, bool last)
{
	if (strcmp(part, "..") == 0)
		return -EINVAL;
	if (!last && (!*part || strcmp(part, ".") == 0))
		part = ".";
	folder = openat(folder, part,
		O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY));
	return folder < 0 ? -errno : folder;
}

static const char *file_why_not(int rc)
{
	switch (rc) {
	case -EINVAL:
		return "is no file in the folder or below: \"..\" leads out of it";
	case -ELOOP:
		return "is a symbolic link; only files are read";
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
			return error_set(err, next, "%.80s: %s", name, file_why_not(next));
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
