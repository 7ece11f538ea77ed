// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/confine/user.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_DEFAULT "martlet"
#define DEPTH_MAX    8 // the store has models/NAME/FILE

int user_find(const char *wanted, struct confine_user *user, struct error *err)
{
	const bool is_auto = strcmp(wanted, CONFIG_USER_AUTO) == 0;
	const struct passwd *entry;

	*user = (struct confine_user){ .name = "" };
	if (!wanted[0] || (is_auto && geteuid() != 0))
		return 0;
	errno = 0;
	entry = getpwnam(is_auto ? USER_DEFAULT : wanted);
	if (!entry && is_auto)
		return 0;
	if (!entry)
		return error_set(err, -ENOENT,
			"process.user: there is no user '%s' here: useradd --system --user-group "
			"--no-create-home %s makes it, and process.user = \"\" does without",
			wanted, wanted);
	if (entry->pw_uid == geteuid())
		return 0;
	if (geteuid() != 0)
		return error_set(err, -EPERM,
			"process.user: only root can become '%s', and this is uid %u: start it as "
			"root or as that user, or say process.user = \"\"",
			wanted, (unsigned)geteuid());
	snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	return 0;
}

int user_become(const struct confine_user *user, struct error *err)
{
	// glibc makes each of these in all threads.
	if (initgroups(user->name, user->gid) != 0 ||
		setresgid(user->gid, user->gid, user->gid) != 0 ||
		setresuid(user->uid, user->uid, user->uid) != 0)
		return error_set(err, -errno, "process.user: user '%s' cannot be taken: %s",
			user->name, strerror(errno));
	if (setuid(0) == 0 || geteuid() != user->uid || getegid() != user->gid)
		return error_set(err, -EPERM,
			"process.user: root's powers do not go away by becoming '%s'", user->name);
	return 0;
}

int user_give(const struct confine_user *user, const char *path, struct error *err)
{
	if (fchownat(AT_FDCWD, path, user->uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0 ||
		errno == ENOENT)
		return 0;
	return error_set(err, -errno, "%.300s cannot be given to user '%s': %s", path, user->name,
		strerror(errno));
}

// A file with a second name may be one of somebody else's: whoever could write here before has made that.
static bool user_takes(const struct stat *st)
{
	return st->st_uid == 0 &&
		(S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && st->st_nlink == 1));
}

static int user_give_open(const struct confine_user *user, int fd, unsigned depth);

static int user_give_entry(
	const struct confine_user *user, int folder, const char *name, unsigned depth)
{
	// By its descriptor, so that what is looked at is what is given. O_NONBLOCK: a pipe is not waited for.
	const int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO || errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) != 0) {
		rc = -errno;
	} else if (S_ISDIR(st.st_mode) && depth > 0) {
		return user_give_open(user, fd, depth - 1);
	} else if (user_takes(&st) && fchown(fd, user->uid, user->gid) != 0) {
		rc = -errno;
	}
	close(fd);
	return rc;
}

// Takes the descriptor.
static int user_give_open(const struct confine_user *user, int fd, unsigned depth)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int rc = 0;

	if (fstat(fd, &st) != 0 || (user_takes(&st) && fchown(fd, user->uid, user->gid) != 0) ||
		!(dir = fdopendir(fd))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (rc == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = user_give_entry(user, fd, entry->d_name, depth);
	closedir(dir);
	return rc;
}

int user_give_tree(const struct confine_user *user, const char *path, struct error *err)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int rc = fd < 0 ? -errno : user_give_open(user, fd, DEPTH_MAX);

	return rc == 0 ? 0
		       : error_set(err, rc, "%.300s cannot be given to user '%s': %s", path,
				 user->name, strerror(-rc));
}
