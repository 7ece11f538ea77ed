// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/chain_files.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 65536
#define FIRST_MAX                                                                                  \
	UINT64_C(999999999999999999) // what is more than any log has could not be counted on from

void chain_file_name(uint64_t first, char name[CHAIN_NAME_BYTES])
{
	snprintf(name, CHAIN_NAME_BYTES, "%012" PRIu64 CHAIN_ENDING, first);
}

// The first line that a file's name says; 0: it is no name that chain_file_name() makes.
static uint64_t files_first(const char *name)
{
	char canonical[CHAIN_NAME_BYTES];
	const uint64_t first = strtoull(name, NULL, 10);

	chain_file_name(first, canonical);
	return first <= FIRST_MAX && strcmp(name, canonical) == 0 ? first : 0;
}

static int files_compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int files_add(struct chain_files *files, size_t *room, uint64_t first)
{
	uint64_t *more;

	if (files->n == *room) {
		*room = *room ? 2 * *room : 16;
		more = reallocarray(files->first, *room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		files->first = more;
	}
	files->first[files->n++] = first;
	return 0;
}

int chain_files_list(int folder, const char *path, struct chain_files *out, struct error *err)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t room = 0;
	int rc = dir ? 0 : -errno;

	*out = (struct chain_files){ 0 };
	if (!dir && fd >= 0)
		close(fd);
	while (dir && rc == 0) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			rc = -errno;
			break;
		}
		if (files_first(entry->d_name))
			rc = files_add(out, &room, files_first(entry->d_name));
	}
	if (dir)
		closedir(dir);
	if (rc != 0) {
		chain_files_free(out);
		return error_set(err, rc, "%s: cannot be read: %s", path, strerror(-rc));
	}
	if (out->n)
		qsort(out->first, out->n, sizeof(*out->first), files_compare);
	return 0;
}

void chain_files_free(struct chain_files *files)
{
	free(files->first);
	*files = (struct chain_files){ 0 };
}

static int files_read_open(int fd, const char *what, uint64_t offset, uint64_t most,
	int (*take)(void *arg, const char *bytes, size_t size, struct error *err), void *arg,
	struct error *err)
{
	char piece[PIECE_BYTES];

	while (most > 0) {
		const size_t want = most < sizeof(piece) ? (size_t)most : sizeof(piece);
		const ssize_t got = pread(fd, piece, want, (off_t)offset);
		int rc;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(
				err, -errno, "%s: cannot be read: %s", what, strerror(errno));
		if (got == 0)
			return 0;
		rc = take(arg, piece, (size_t)got, err);
		if (rc != 0)
			return rc;
		offset += (uint64_t)got;
		most -= (uint64_t)got;
	}
	return 0;
}

int chain_file_read(int folder, const char *path, uint64_t first, uint64_t offset, uint64_t most,
	int (*take)(void *arg, const char *bytes, size_t size, struct error *err), void *arg,
	struct error *err)
{
	char name[CHAIN_NAME_BYTES], what[1024];
	int fd, rc;

	chain_file_name(first, name);
	snprintf(what, sizeof(what), "%.900s/%s", path, name);
	fd = file_open_at(folder, name, what, err);
	if (fd < 0)
		return fd;
	rc = files_read_open(fd, what, offset, most, take, arg, err);
	close(fd);
	return rc;
}

int chain_file_read_alone(const char *path,
	int (*take)(void *arg, const char *bytes, size_t size, struct error *err), void *arg,
	struct error *err)
{
	FILE *file = file_open(path, err);
	int rc;

	if (!file)
		return err->code;
	rc = files_read_open(fileno(file), path, 0, UINT64_MAX, take, arg, err);
	fclose(file);
	return rc;
}
