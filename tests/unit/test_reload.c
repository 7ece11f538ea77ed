// SPDX-License-Identifier: BSD-3-Clause
// What the service manager and the log are told of a reload.
#include "ctl/server/reload.h"

#include "config/config.h"
#include "ctl/server/server_state.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LEAST                                                                                      \
	"lcores = { control = 0; complete = [ 1 ]; };"                                             \
	"ports = ( { name = \"edge\"; device = \"net_ring0\"; addresses = [ \"10.0.0.1/24\" ]; } " \
	");"

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
	} CASES[] = { { SERVER_STARTING, false }, { SERVER_READY, true },
		{ SERVER_DRAINING, false } };
	int fd = manager_open();
	char text[128];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct server *server = calloc(1, sizeof(*server));
		ssize_t n;

		server->config = &config;
		server->phase = CASES[i].phase;
		reload(server, "by uid 0");
		free(server);
		n = recv(fd, text, sizeof(text), 0);
		assert_int_equal(n > 0 && memcmp(text, "RELOADING=1", 11) == 0, CASES[i].is_told);
		n = recv(fd, text, sizeof(text), 0);
		assert_int_equal(n == 7 && memcmp(text, "READY=1", 7) == 0, CASES[i].is_told);
	}
	close(fd);
}

// Whatever the file says otherwise than before is either taken or named.
static void reload_names_what_takes_a_restart(void **state)
{
	static const char *const OTHER[] = { "control = { json_depth = 9; };",
		"metrics = { listen = \"127.0.0.1:9797\"; };", "scoring = { threads = 3; };",
		"infer = { exact = true; };", "memory = { mbufs = 65536; };",
		"store = { path = \"/elsewhere\"; };" };
	char path[] = "/tmp/test_reload.XXXXXX", log[] = "/tmp/test_reload.XXXXXX", text[1024];
	const int fd = mkstemp(path), out = mkstemp(log), saved = dup(STDERR_FILENO);
	static struct config config;
	struct error err;

	unsetenv("NOTIFY_SOCKET");
	for (size_t i = 0; i <= sizeof(OTHER) / sizeof(OTHER[0]); i++) {
		struct server *server = calloc(1, sizeof(*server));
		const char *more = i ? OTHER[i - 1] : "";
		const int n = snprintf(text, sizeof(text), "%s%s", LEAST, more);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, text, (size_t)n, 0), n);
		if (i == 0)
			assert_int_equal(config_load(path, &config, &err), 0);
		server->config = &config;
		server->phase = SERVER_READY;
		assert_int_equal(ftruncate(out, 0), 0);
		lseek(out, 0, SEEK_SET);
		dup2(out, STDERR_FILENO);
		reload(server, "by uid 0");
		dup2(saved, STDERR_FILENO);
		free(server);
		text[pread(out, text, sizeof(text) - 1, 0)] = '\0';
		assert_non_null(strstr(text, "was read: log.level"));
		if (i == 0)
			assert_null(strstr(text, "takes a restart"));
		else
			assert_memory_equal(
				strstr(text, "by uid 0: ") + 10, more, strcspn(more, " "));
	}
	unlink(path);
	unlink(log);
	close(fd);
	close(out);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reload_is_told_while_ready_alone),
		cmocka_unit_test(reload_names_what_takes_a_restart) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
