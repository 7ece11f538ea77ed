// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/trusted_file.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct error err;
static char folder[] = "/tmp/trusted-XXXXXX";
static char path[64], other[64];

static int setup(void **state)
{
	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/secret", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int teardown(void **state)
{
	char lock[80];

	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static int read_it(enum trusted_file_kind kind)
{
	void *bytes;
	size_t size;
	int rc = trusted_file_read(path, kind, &bytes, &size, &err);

	if (rc == 0) {
		assert_int_equal(size, 6);
		assert_memory_equal(bytes, "secret", 7);
	} else {
		assert_null(bytes);
	}
	trusted_file_free(bytes);
	return rc;
}

static void write_it(void)
{
	assert_int_equal(trusted_file_replace(path, TRUSTED_SECRET, "secret", 6, &err), 0);
}

static void makes_and_replaces(void **state)
{
	struct stat status;
	const mode_t old = umask(0);

	unlink(path);
	assert_int_equal(trusted_file_create(path, TRUSTED_PUBLIC, "first", 5, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(trusted_file_create(path, TRUSTED_PUBLIC, "second", 6, &err), -EEXIST);
	assert_non_null(strstr(err.text, "/secret: exists already; it is not overwritten"));
	umask(0777);
	write_it();
	umask(old);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_nlink, 1);
	assert_int_equal(read_it(TRUSTED_SECRET), 0);
}

static void modes(void **state)
{
	static const struct {
		mode_t mode;
		int secret, public;
	} CASES[] = {
		{ 0600, 0, 0 },
		{ 0400, 0, 0 },
		{ 0440, 0, 0 }, // of group root: a credential of systemd's
		{ 0644, -EPERM, 0 },
		{ 0604, -EPERM, 0 },
		{ 0660, -EPERM, -EPERM },
		{ 0602, -EPERM, -EPERM },
	};

	if (geteuid() != 0)
		skip();
	write_it();
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(chmod(path, CASES[i].mode), 0);
		assert_int_equal(read_it(TRUSTED_SECRET), CASES[i].secret);
		assert_int_equal(read_it(TRUSTED_PUBLIC), CASES[i].public);
	}
	assert_int_equal(chmod(path, 0440), 0);
	assert_int_equal(chown(path, 0, 1), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -EPERM);
	assert_non_null(strstr(err.text, "others can read this secret (mode 0440); chmod 600 "));
	assert_int_equal(chown(path, 1, 0), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -EPERM);
	assert_non_null(strstr(err.text, "belongs to uid 1; it must be root's or user martlet's"));
}

// Whose else a file may be is said by who asks, and by nobody it is nobody's.
static void read_for_a_service_of_another_user(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	void *bytes;
	size_t size;

	if (geteuid() != 0 || !nobody)
		skip();
	write_it();
	assert_int_equal(chown(path, nobody->pw_uid, 0), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -EPERM);
	assert_int_equal(
		trusted_file_read_of(path, TRUSTED_SECRET, "nobody", &bytes, &size, &err), 0);
	assert_int_equal(size, 6);
	trusted_file_free(bytes);
	assert_int_equal(
		trusted_file_read_of(path, TRUSTED_SECRET, "daemon", &bytes, &size, &err), -EPERM);
	assert_null(bytes);
	assert_non_null(strstr(err.text, "it must be root's or user daemon's"));
	assert_int_equal(
		trusted_file_read_of(path, TRUSTED_SECRET, "no-such-user", &bytes, &size, &err),
		-EPERM);
	// Its folder is judged by the same.
	assert_int_equal(chown(folder, nobody->pw_uid, 0), 0);
	assert_int_equal(
		trusted_file_read_of(path, TRUSTED_SECRET, "nobody", &bytes, &size, &err), 0);
	trusted_file_free(bytes);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(
		trusted_file_read_of(path, TRUSTED_SECRET, "daemon", &bytes, &size, &err), -EPERM);
	assert_int_equal(chown(folder, 0, 0), 0);
	assert_int_equal(
		trusted_file_read_of(path, TRUSTED_SECRET, "daemon", &bytes, &size, &err), 0);
	trusted_file_free(bytes);
}

// Who is not root asks what a configuration that names that user would find.
static void whoever_asks_for_a_service(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	int status;
	pid_t child;

	if (geteuid() != 0 || !nobody)
		skip();
	write_it();
	assert_int_equal(chown(path, 1, 0), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		void *bytes;
		size_t size;
		bool good = setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0;

		good = good && read_it(TRUSTED_PUBLIC) == -EPERM &&
			strstr(err.text, "it must be root's or uid ") && !strstr(err.text, "user");
		good = good &&
			trusted_file_read_of(path, TRUSTED_PUBLIC, "", &bytes, &size, &err) ==
				-EPERM;
		good = good &&
			trusted_file_read_of(path, TRUSTED_PUBLIC, "daemon", &bytes, &size, &err) ==
				0;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
}

// Root replaces a file of the service's user, whose it stays.
static void root_keeps_the_owner(void **state)
{
	const struct passwd *service = getpwnam(TRUSTED_SERVICE_USER);
	struct stat status;
	uid_t uid = service ? service->pw_uid : 0;

	if (geteuid() != 0 || !service)
		skip();
	write_it();
	assert_int_equal(chown(path, uid, service->pw_gid), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), 0);
	write_it();
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, uid);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(unlink(path), 0);
}

static void folders(void **state)
{
	write_it();
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(read_it(TRUSTED_PUBLIC), -EPERM);
	assert_non_null(strstr(err.text, "others can write this folder"));
	assert_int_equal(trusted_file_replace(path, TRUSTED_SECRET, "x", 1, &err), -EPERM);
	assert_true(trusted_file_lock(path, &err) < 0);
	assert_int_equal(chmod(folder, 01777), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), 0);
	assert_int_equal(chmod(folder, 0700), 0);
}

// A temporary's or a lock's name would be cut, and be another file's.
static void path_too_long(void **state)
{
	static char name[PATH_MAX - 8];
	void *bytes;
	size_t size;

	memset(name, 'x', sizeof(name) - 1);
	// More of the name follows: NOLINTNEXTLINE(bugprone-not-null-terminated-result)
	memcpy(name, folder, strlen(folder));
	name[strlen(folder)] = '/';
	assert_int_equal(
		trusted_file_read(name, TRUSTED_SECRET, &bytes, &size, &err), -ENAMETOOLONG);
	assert_int_equal(trusted_file_replace(name, TRUSTED_SECRET, "x", 1, &err), -ENAMETOOLONG);
	assert_int_equal(trusted_file_lock(name, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "is too long for a path"));
}

static void what_is_no_file(void **state)
{
	write_it();
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -ELOOP);
	assert_non_null(strstr(err.text, "is a symbolic link; it must be the file itself"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -EINVAL);
	assert_int_equal(rmdir(path), 0);
	write_it();
	assert_int_equal(truncate(path, (off_t)TRUSTED_BYTES_MAX + 1), 0);
	assert_int_equal(read_it(TRUSTED_SECRET), -EFBIG);
}

// A second one waits until the first is done.
static void locks(void **state)
{
	const int fd = trusted_file_lock(path, &err);
	int status;
	pid_t child;

	assert_true(fd >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(1);
		trusted_file_lock(path, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	close(fd);
	assert_true((status = trusted_file_lock(path, &err)) >= 0);
	close(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_and_replaces),
		cmocka_unit_test(modes),
		cmocka_unit_test(read_for_a_service_of_another_user),
		cmocka_unit_test(whoever_asks_for_a_service),
		cmocka_unit_test(root_keeps_the_owner),
		cmocka_unit_test(folders),
		cmocka_unit_test(path_too_long),
		cmocka_unit_test(what_is_no_file),
		cmocka_unit_test(locks),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
