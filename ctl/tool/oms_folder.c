// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/oms_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64

struct walk {
	struct oms_statement *statement;
	struct stat bundle;
	const char *left_out; // "a,b/c", or NULL
	char name[PATH_MAX];  // of what is at hand, below the folder
	uint32_t n;
	unsigned depth;
};

static int walk_folder(struct walk *walk, int fd, struct error *err);

static int walk_file(struct walk *walk, int folder, const char *entry, struct error *err)
{
	const int fd = file_open_here(folder, entry, walk->name, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = oms_statement_check_open(walk->statement, walk->name, fd, err);
	close(fd);
	walk->n++;
	return rc;
}

static int walk_below(struct walk *walk, int folder, const char *entry, struct error *err)
{
	const int fd = openat(folder, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", walk->name, strerror(errno));
	if (walk->depth == DEPTH_MAX) {
		close(fd);
		return error_set(
			err, -EINVAL, "%s: lies deeper than %d folders", walk->name, DEPTH_MAX);
	}
	walk->depth++;
	rc = walk_folder(walk, fd, err);
	walk->depth--;
	return rc;
}

// Whether the entry at hand is one of those that the caller leaves out.
static bool walk_leaves_out(const struct walk *walk)
{
	const size_t length = strlen(walk->name);

	for (const char *at = walk->left_out; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, walk->name, length) == 0 && strchr(",", at[length]))
			return true;
	}
	return false;
}

// walk->name is the entry's.
static int walk_entry(struct walk *walk, int folder, const char *entry, struct error *err)
{
	struct stat st;

	if (oms_statement_ignores(walk->statement, walk->name) || walk_leaves_out(walk))
		return 0;
	if (fstatat(folder, entry, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set(err, -errno, "%s: %s", walk->name, strerror(errno));
	if (st.st_dev == walk->bundle.st_dev && st.st_ino == walk->bundle.st_ino)
		return 0;
	if (S_ISDIR(st.st_mode))
		return walk_below(walk, folder, entry, err);
	return walk_file(walk, folder, entry, err);
}

// Takes the descriptor.
static int walk_folder(struct walk *walk, int fd, struct error *err)
{
	const size_t before = strlen(walk->name);
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		rc = error_set(err, -errno, "%s: %s", walk->name, strerror(errno));
		close(fd);
		return rc;
	}
	while (rc == 0) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			if (errno)
				rc = error_set(err, -errno, "%s: %s", walk->name, strerror(errno));
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (before + strlen(entry->d_name) + 2 > sizeof(walk->name)) {
			rc = error_set(err, -ENAMETOOLONG, "%.200s...: is too long for a path",
				walk->name);
			break;
		}
		snprintf(walk->name + before, sizeof(walk->name) - before, "%s%s",
			before ? "/" : "", entry->d_name);
		rc = walk_entry(walk, dirfd(dir), entry->d_name, err);
		walk->name[before] = '\0';
	}
	closedir(dir);
	return rc;
}

int oms_folder_check(struct oms_statement *statement, const char *path, const char *bundle,
	const char *left_out, uint32_t *n, struct error *err)
{
	struct walk walk = { .statement = statement, .left_out = left_out };
	int fd, rc;

	if (stat(bundle, &walk.bundle) != 0)
		return error_set(err, -errno, "%s: %s", bundle, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	rc = walk_folder(&walk, fd, err);
	*n = walk.n;
	return rc == 0 ? 0 : error_prefix(err, "%.300s", path);
}
