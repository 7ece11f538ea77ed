// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/listener.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <linux/xattr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HEAD_BYTES  4 // of an access list, before its entries
#define ENTRY_BYTES 8

static char folder[] = "/tmp/listener-XXXXXX";
static char path[64];
static struct listener *listener;
static struct error err;

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", folder);
	return listener_open(path, "", &listener, &err);
}

static int teardown(void **state)
{
	char lock[80];

	snprintf(lock, sizeof(lock), "%s.lock", path);
	listener_close(listener);
	unlink(lock);
	return rmdir(folder);
}

// Of the socket's access list; 0: it has none.
static size_t entries(void)
{
	char list[512];
	const ssize_t bytes = lgetxattr(path, XATTR_NAME_POSIX_ACL_ACCESS, list, sizeof(list));

	return bytes > 0 ? ((size_t)bytes - HEAD_BYTES) / ENTRY_BYTES : 0;
}

static int admit(const struct socket_guest *guests, size_t n)
{
	const int rc = listener_admit(listener, guests, n, &err);

	if (rc == -EOPNOTSUPP)
		skip(); // the file system has no access lists
	return rc;
}

static void who_is_named_twice_is_on_the_list_once(void **state)
{
	const struct socket_guest guests[] = { { false, 5 }, { true, 5 }, { false, 5 }, { true, 6 },
		{ true, 5 }, { false, 7 } };

	assert_int_equal(admit(guests, 6), 0);
	assert_int_equal(entries(), 4 + 4); // its own, and 5, 7, group 5 and group 6
	assert_int_equal(admit(guests, 0), 0);
	assert_int_equal(entries(), 0);
}

static void a_list_of_somebody_else_stays_where_nobody_is_named(void **state)
{
	const struct socket_guest guest = { false, 5 };
	char list[512];
	ssize_t bytes;

	assert_int_equal(admit(&guest, 1), 0);
	bytes = lgetxattr(path, XATTR_NAME_POSIX_ACL_ACCESS, list, sizeof(list));
	assert_true(bytes > 0);
	assert_int_equal(admit(NULL, 0), 0);
	assert_int_equal(entries(), 0);
	assert_int_equal(lsetxattr(path, XATTR_NAME_POSIX_ACL_ACCESS, list, (size_t)bytes, 0), 0);
	assert_int_equal(admit(NULL, 0), 0);
	assert_int_equal(entries(), 4 + 1);
	assert_int_equal(lremovexattr(path, XATTR_NAME_POSIX_ACL_ACCESS), 0);
}

// 0: all is well; 1: not; 2: there are no user namespaces here.
static int admit_in_a_namespace(void)
{
	const struct socket_guest guests[] = { { false, 5 }, { false, 0 }, { true, 0 },
		{ true, 6 } };
	char map[32];
	const int bytes = snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)geteuid());
	const gid_t group = getegid();
	int fd;

	if (unshare(CLONE_NEWUSER) != 0 || (fd = open("/proc/self/uid_map", O_WRONLY)) < 0 ||
		write(fd, map, (size_t)bytes) != bytes ||
		(fd = open("/proc/self/setgroups", O_WRONLY)) < 0 || write(fd, "deny", 4) != 4)
		return 2;
	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)group);
	if ((fd = open("/proc/self/gid_map", O_WRONLY)) < 0 ||
		write(fd, map, strlen(map)) != (ssize_t)strlen(map))
		return 2;
	return listener_admit(listener, guests, 4, &err) == -EINVAL &&
			strstr(err.text, "uid 5 cannot be on the access list") && entries() == 4 + 2
		? 0
		: 1;
}

static void who_is_not_known_to_a_namespace_keeps_nobody_out(void **state)
{
	const struct socket_guest guest = { false, 5 };
	int status;
	pid_t child;

	assert_int_equal(admit(&guest, 1), 0); // or there are no access lists
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(admit_in_a_namespace());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(admit(NULL, 0), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_named_twice_is_on_the_list_once),
		cmocka_unit_test(a_list_of_somebody_else_stays_where_nobody_is_named),
		cmocka_unit_test(who_is_not_known_to_a_namespace_keeps_nobody_out),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
