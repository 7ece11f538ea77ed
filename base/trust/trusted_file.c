// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/trusted_file.h"

#include "base/file.h"
#include "base/trust/account.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_BYTES 24 // of what is appended to a path

static const char *service_user = TRUSTED_SERVICE_USER;

void trusted_file_set_service_user(const char *name)
{
	service_user = name;
}

// `service` "": nobody but root and us.
static bool is_trusted_owner(uid_t uid, const char *service)
{
	uid_t its;

	return uid == 0 || uid == geteuid() ||
		(service[0] && account_find_user(service, &its) && its == uid);
}

// Root may work on the files of the user that martletd runs as.
static const char *own_service(void)
{
	return geteuid() == 0 ? service_user : "";
}

static int check_owner(
	const char *what, const struct stat *status, const char *service, struct error *err)
{
	char us[32] = "";

	if (is_trusted_owner(status->st_uid, service))
		return 0;
	if (geteuid() != 0)
		snprintf(us, sizeof(us), " or uid %u's", (unsigned)geteuid());
	return error_set(err, -EPERM, "%s: belongs to uid %u; it must be root's%s%s%s%s", what,
		(unsigned)status->st_uid, us, service[0] ? " or user " : "", service,
		service[0] ? "'s" : "");
}

// Who may write the folder may put another file in this one's place.
static int check_folder(const char *folder, const char *service, struct error *err)
{
	struct stat status;

	if (stat(folder, &status) != 0)
		return error_set(err, -errno, "%s: %s%s", folder, strerror(errno),
			errno == ENOENT ? "; make this folder, or name a file elsewhere" : "");
	if (check_owner(folder, &status, service, err))
		return -EPERM;
	if (!(status.st_mode & (S_IWGRP | S_IWOTH)) || (status.st_mode & S_ISVTX))
		return 0;
	return error_set(err, -EPERM,
		"%s: others can write this folder, and so replace what is in it; chmod go-w %s",
		folder, folder);
}

static int check_file(const char *path, const struct stat *status, enum trusted_file_kind kind,
	const char *service, struct error *err)
{
	// Where a file has an access list, its group's bits show the most that anybody on it may do.
	const mode_t readers = status->st_gid == 0 ? S_IROTH : S_IRGRP | S_IROTH;

	if (check_owner(path, status, service, err))
		return -EPERM;
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, -EPERM, "%s: others can write it (mode %04o); chmod %s %s",
			path, (unsigned)(status->st_mode & 07777),
			kind == TRUSTED_SECRET ? "600" : "644", path);
	if (kind == TRUSTED_SECRET && (status->st_mode & readers))
		return error_set(err, -EPERM,
			"%s: others can read this secret (mode %04o); chmod 600 %s", path,
			(unsigned)(status->st_mode & 07777), path);
	return 0;
}

// The folder that the last component of `path` lies in.
static int folder_of(const char *path, char folder[PATH_MAX], struct error *err)
{
	const char *slash = strrchr(path, '/');
	const size_t bytes = slash ? (size_t)(slash - path) : 0;

	if (strlen(path) + TEMPORARY_BYTES >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%.60s...: is too long for a path", path);
	if (!slash) {
		memcpy(folder, ".", 2);
	} else {
		memcpy(folder, path, bytes + 1);
		folder[bytes ? bytes : 1] = '\0';
	}
	return 0;
}

static int read_open(int fd, const char *path, enum trusted_file_kind kind, const char *service,
	void **bytes, size_t *size, struct error *err)
{
	struct stat status;
	int rc;

	if (fstat(fd, &status) != 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	rc = check_file(path, &status, kind, service, err);
	if (rc != 0)
		return rc;
	if ((unsigned long long)status.st_size > TRUSTED_BYTES_MAX)
		return error_set(err, -EFBIG, "%s: has %lld bytes; at most %zu are possible", path,
			(long long)status.st_size, TRUSTED_BYTES_MAX);
	*size = (size_t)status.st_size;
	*bytes = sodium_malloc(*size + 1);
	if (!*bytes)
		return error_set(err, -ENOMEM, "%s: no memory to read it", path);
	((char *)*bytes)[*size] = '\0';
	rc = file_read_part(fd, 0, *bytes, *size);
	if (rc == 0)
		return 0;
	trusted_file_free(*bytes);
	*bytes = NULL;
	return error_set(err, rc, "%s: cannot be read: %s", path, strerror(-rc));
}

int trusted_file_read(const char *path, enum trusted_file_kind kind, void **bytes, size_t *size,
	struct error *err)
{
	return trusted_file_read_of(path, kind, NULL, bytes, size, err);
}

int trusted_file_read_of(const char *path, enum trusted_file_kind kind, const char *service,
	void **bytes, size_t *size, struct error *err)
{
	char folder[PATH_MAX];
	int fd, rc;

	if (!service)
		service = own_service();
	*bytes = NULL;
	*size = 0;
	rc = folder_of(path, folder, err);
	if (rc == 0)
		rc = check_folder(folder, service, err);
	if (rc != 0)
		return rc;
	fd = file_open_here(AT_FDCWD, path, path, err);
	if (fd < 0)
		return fd;
	rc = read_open(fd, path, kind, service, bytes, size, err);
	close(fd);
	return rc;
}

void trusted_file_free(void *bytes)
{
	sodium_free(bytes);
}

static int write_all(int fd, const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		const ssize_t put = write(fd, (const char *)bytes + done, size - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		done += (size_t)put;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

static int sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

// What takes a file's place belongs to whom that belonged to; only root can have it so.
static int keep_owner(int fd, const char *path)
{
	struct stat was;

	if (geteuid() != 0 || lstat(path, &was) != 0 || !is_trusted_owner(was.st_uid, service_user))
		return 0;
	return fchown(fd, was.st_uid, was.st_gid) == 0 ? 0 : -errno;
}

// Writes the bytes to a new file in the folder, which `temporary` is to name.
static int write_beside(const char *path, enum trusted_file_kind kind, const void *bytes,
	size_t size, char temporary[PATH_MAX])
{
	int fd, rc;

	snprintf(temporary, PATH_MAX, "%s.new-%08x", path, randombytes_random());
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fchmod(fd, kind == TRUSTED_SECRET ? 0600 : 0644) == 0 ? 0 : -errno;
	if (rc == 0)
		rc = keep_owner(fd, path);
	if (rc == 0)
		rc = write_all(fd, bytes, size);
	close(fd);
	if (rc != 0)
		unlink(temporary);
	return rc;
}

// What would end the process waits until the file is whole: nothing is left of a secret under another name.
static void hold_signals(sigset_t *before)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ending, before);
}

// `is_new`: what is there already stays.
static int put(const char *path, enum trusted_file_kind kind, const void *bytes, size_t size,
	bool is_new, struct error *err)
{
	char folder[PATH_MAX], temporary[PATH_MAX];
	sigset_t before;
	int rc = folder_of(path, folder, err);

	if (rc == 0)
		rc = check_folder(folder, own_service(), err);
	if (rc != 0)
		return rc;
	hold_signals(&before);
	rc = write_beside(path, kind, bytes, size, temporary);
	if (rc == 0) {
		// A hard link, unlike a rename, replaces nothing.
		rc = (is_new ? link(temporary, path) : rename(temporary, path)) == 0 ? 0 : -errno;
		if (is_new || rc != 0)
			unlink(temporary);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		rc = sync_folder(folder);
	if (rc == -EEXIST)
		return error_set(err, rc, "%s: exists already; it is not overwritten", path);
	return rc == 0 ? 0 : error_set(err, rc, "%s: cannot be written: %s", path, strerror(-rc));
}

int trusted_file_replace(const char *path, enum trusted_file_kind kind, const void *bytes,
	size_t size, struct error *err)
{
	return put(path, kind, bytes, size, false, err);
}

int trusted_file_create(const char *path, enum trusted_file_kind kind, const void *bytes,
	size_t size, struct error *err)
{
	return put(path, kind, bytes, size, true, err);
}

int trusted_file_lock(const char *path, struct error *err)
{
	char folder[PATH_MAX], lock[PATH_MAX];
	int fd, rc = folder_of(path, folder, err);

	if (rc == 0)
		rc = check_folder(folder, own_service(), err);
	if (rc != 0)
		return rc;
	snprintf(lock, sizeof(lock), "%s.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, -errno, "%s: cannot be opened: %s", lock, strerror(errno));
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		rc = error_set(err, -errno, "%s: cannot be locked: %s", lock, strerror(errno));
		close(fd);
		return rc;
	}
	return fd;
}
