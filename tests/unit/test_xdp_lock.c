// SPDX-License-Identifier: BSD-3-Clause
// Whose an interface is for AF_XDP, by a name that any user may take or ask for.
#include "dataplane/xdp/lock.h"

#include "tests/cmocka.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Numbers that no interface has.
#define INTERFACE (0x40000000u + (uint32_t)getpid())

static socklen_t address_of(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		(size_t)snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			"martlet/af_xdp/%u", INTERFACE));
}

// False where the backlog is full.
static bool ask(void)
{
	struct sockaddr_un address;
	const socklen_t bytes = address_of(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_there;

	assert_true(fd >= 0);
	is_there = connect(fd, (struct sockaddr *)&address, bytes) == 0;
	close(fd);
	return is_there;
}

static void one_of_ours_keeps_others_out(void **state)
{
	struct error err = { .text = "" };
	int first, second;

	assert_int_equal(xdp_lock_take(INTERFACE, "eth1", &first, &err), 0);
	assert_int_not_equal(first, XDP_LOCK_NONE);
	assert_int_equal(xdp_lock_take(INTERFACE, "eth1", &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "interface eth1 is held for AF_XDP by test_xdp_lock"));
	xdp_lock_release(first);
	assert_int_equal(xdp_lock_take(INTERFACE, "eth1", &second, &err), 0);
	assert_int_not_equal(second, XDP_LOCK_NONE);
	xdp_lock_release(second);
}

static void who_does_not_listen_keeps_nobody_out(void **state)
{
	struct error err = { .text = "" };
	struct sockaddr_un address;
	const socklen_t bytes = address_of(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), lock;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
	assert_int_equal(xdp_lock_take(INTERFACE, "eth1", &lock, &err), 0);
	assert_int_equal(lock, XDP_LOCK_NONE);
	close(fd);
}

// Whoever asks without an end does not get the control thread: some are answered, and the rest later.
static void those_who_ask_are_answered_some_at_a_time(void **state)
{
	struct error err = { .text = "" };
	int lock, asked = 0, fd, left = 0;

	assert_int_equal(xdp_lock_take(INTERFACE, "eth1", &lock, &err), 0);
	while (asked < 2000 && ask())
		asked++;
	if (asked < 2000) // net.core.somaxconn
		skip();
	xdp_lock_answer(lock);
	while ((fd = accept(lock, NULL, NULL)) >= 0) {
		close(fd);
		left++;
	}
	assert_true(left > 0 && left < asked);
	xdp_lock_release(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_ours_keeps_others_out),
		cmocka_unit_test(who_does_not_listen_keeps_nobody_out),
		cmocka_unit_test(those_who_ask_are_answered_some_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
