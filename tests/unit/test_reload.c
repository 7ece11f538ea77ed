// SPDX-License-Identifier: BSD-3-Clause
// What the service manager and the log are told of a reload.
#include "ctl/server/reload.h"

#include "config/config.h"
#include "ctl/server/operations/cost.h"
#include "ctl/server/server_state.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// A socket that the process tells its state to.
static int manager_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int n = snprintf(name, sizeof(name), "@martlet-test-reload-%d", getpid());

	memcpy(address.sun_path + 1, name + 1, (size_t)n - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void reload_is_told_while_ready_alone(void **state)
{
	static struct config config = { .path = "/nowhere/martletd.conf" };
	static const struct {
		enum server_phase phase;
		bool is_told;
	} CASES[] = { { SERVER_READY, true }, { SERVER_LEAVING, false },
		{ SERVER_DRAINING, false } };
	int fd = manager_open();
	char text[128];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct server *server = calloc(1, sizeof(*server));
		ssize_t n;

		server->config = &config;
		server->phase = CASES[i].phase;
		server->cost = cost_create(server);
		assert_non_null(server->cost);
		reload(server, "by uid 0");
		cost_destroy(server->cost);
		free(server);
		n = recv(fd, text, sizeof(text), 0);
		assert_int_equal(n > 0 && memcmp(text, "RELOADING=1", 11) == 0, CASES[i].is_told);
		n = recv(fd, text, sizeof(text), 0);
		assert_int_equal(n == 7 && memcmp(text, "READY=1", 7) == 0, CASES[i].is_told);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reload_is_told_while_ready_alone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
