// SPDX-License-Identifier: BSD-3-Clause
// Who somebody is on a UNIX socket, and which role that gives him.
#include "ctl/server/access/access.h"
#include "ctl/server/access/names.h"
#include "ctl/server/http/listener.h"
#include "ctl/server/http/request.h"
#include "ctl/server/http/shared.h"
#include "tests/cmocka.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/martlet-access-XXXXXX", path[108];
static struct config config;
static struct access *access_;
static struct error err;

static int set_up(void **state)
{
	memset(&config, 0, sizeof(config));
	if (!mkdtemp(strcpy(folder, "/tmp/martlet-access-XXXXXX")) || chmod(folder, 0755) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/ctl.sock", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[160];

	access_destroy(access_);
	access_ = NULL;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void begin(void)
{
	assert_int_equal(access_create(&config, &access_, &err), 0);
}

// What a request on that connection is known as.
static enum role know(struct connection_peer *peer, struct who *who)
{
	struct http_request request = { .from = peer };

	assert_int_equal(access_know(access_, &request, &err), 0);
	*who = request.who;
	return who->role;
}

static struct connection_peer peer_of(int fd)
{
	return (struct connection_peer){ .fd = fd,
		.is_local = true,
		.role_max = ROLE_ADMIN,
		.who = { .uid = 65534, .name = "uid 65534" } };
}

// A connection of a process of that user and group, and of `n` other groups, the last one `group`.
static int connect_as(struct listener *l, uid_t uid, gid_t gid, gid_t group, int n)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	gid_t groups[100];
	int fd, status;
	pid_t child;

	strcpy(address.sun_path, path);
	for (int i = 0; i < n; i++)
		groups[i] = i < n - 1 ? 70000 + (gid_t)i : group;
	child = fork();
	if (child == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setgroups((size_t)n, groups) != 0 || setgid(gid) != 0 || setuid(uid) != 0 ||
			connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fd = accept(listener_fd(l), NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

static enum role role_of(struct listener *l, uid_t uid, gid_t gid, gid_t group, int n)
{
	struct connection_peer peer = peer_of(connect_as(l, uid, gid, group, n));
	struct who who;
	const enum role role = know(&peer, &who);

	assert_true(who.is_known);
	close(peer.fd);
	return role;
}

static struct listener *listen_for_all(const char *group)
{
	struct listener *l;

	assert_int_equal(listener_open(path, group, &l, &err), 0);
	assert_int_equal(chmod(path, 0666), 0); // who may connect is another matter
	return l;
}

static void we_ourselves_are_admin(void **state)
{
	struct connection_peer peer, nobody;
	struct who who;
	int pair[2];

	begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer = peer_of(pair[0]);
	assert_int_equal(know(&peer, &who), ROLE_ADMIN);
	nobody = peer_of(pair[0] + 1000); // nobody knows who that is
	assert_int_equal(know(&nobody, &who), ROLE_NONE);
	assert_int_equal(access_allows(&who, ROLE_NONE, &err), 403);
	close(pair[0]);
	close(pair[1]);
}

// The group, primary or supplementary, has the role that it is given: everything where that is not said.
static void group_has_its_role(void **state)
{
	const struct group *daemon = getgrnam("daemon");
	struct listener *l;
	gid_t group;

	if (geteuid() != 0 || !daemon)
		skip();
	group = daemon->gr_gid;
	strcpy(config.control.group, "daemon");
	config.control.group_role = ROLE_OPERATOR;
	begin();
	l = listen_for_all("daemon");
	assert_int_equal(role_of(l, 65534, 65534, group, 1), ROLE_OPERATOR);
	assert_int_equal(role_of(l, 65534, 65534, group, 100), ROLE_OPERATOR); // more than at once
	assert_int_equal(role_of(l, 65534, group, 0, 0), ROLE_OPERATOR);
	assert_int_equal(role_of(l, 65534, 65534, group, 0), ROLE_NONE);
	assert_int_equal(role_of(l, 65534, 65534, group + 1000, 100), ROLE_NONE);
	listener_close(l);
}

static void largest_of_several_roles_counts(void **state)
{
	struct listener *l;

	if (geteuid() != 0)
		skip();
	strcpy(config.trust.viewers[config.trust.n_viewers++], "user:60001");
	strcpy(config.trust.viewers[config.trust.n_viewers++], "group:60002");
	strcpy(config.trust.operators[config.trust.n_operators++], "group:60003");
	strcpy(config.trust.admins[config.trust.n_admins++], "user:60004");
	strcpy(config.trust.clients[config.trust.n_clients++], "user:60005");
	begin();
	l = listen_for_all("");
	assert_int_equal(role_of(l, 60001, 65534, 0, 0), ROLE_VIEWER);
	assert_int_equal(role_of(l, 60001, 60003, 0, 0), ROLE_OPERATOR);
	assert_int_equal(role_of(l, 60009, 60003, 60002, 1), ROLE_OPERATOR);
	assert_int_equal(role_of(l, 60009, 60002, 60003, 1), ROLE_OPERATOR);
	assert_int_equal(role_of(l, 60004, 60002, 0, 0), ROLE_ADMIN);
	assert_int_equal(role_of(l, 60005, 65534, 0, 0), ROLE_CLIENT);
	assert_int_equal(
		role_of(l, 60002, 60004, 0, 0), ROLE_NONE); // a user's number is no group's
	listener_close(l);
}

// A connection that is open has another role from its next request on.
static void rules_hold_for_open_connections(void **state)
{
	struct access_rules *rules;
	struct connection_peer peer;
	struct listener *l;
	struct who who;

	if (geteuid() != 0)
		skip();
	strcpy(config.trust.operators[config.trust.n_operators++], "user:60001");
	begin();
	l = listen_for_all("");
	peer = peer_of(connect_as(l, 60001, 65534, 0, 0));
	assert_int_equal(know(&peer, &who), ROLE_OPERATOR);
	peer.role_max = ROLE_VIEWER;
	assert_int_equal(know(&peer, &who), ROLE_VIEWER);
	config.trust.n_operators = 0;
	assert_int_equal(access_prepare(&config, &rules, &err), 0);
	assert_int_equal(know(&peer, &who), ROLE_VIEWER);
	access_commit(access_, rules);
	assert_int_equal(know(&peer, &who), ROLE_NONE);
	strcpy(config.trust.admins[config.trust.n_admins++], "user:no.such.user");
	assert_int_equal(access_prepare(&config, &rules, &err), -ENOENT);
	assert_string_equal(err.text,
		"trust.admins: 'user:no.such.user': there is no user 'no.such.user' here");
	close(peer.fd);
	listener_close(l);
}

static void nobody_over_tcp_is_a_client_or_nobody(void **state)
{
	struct connection_peer open = { .role_max = ROLE_ADMIN },
			       shut = { .role_max = ROLE_ADMIN, .needs_credential = true };
	struct who who;

	begin();
	assert_int_equal(know(&open, &who), ROLE_CLIENT);
	assert_string_equal(who.name, "anonymous");
	assert_int_equal(access_allows(&who, ROLE_CLIENT, &err), 0);
	assert_int_equal(access_allows(&who, ROLE_VIEWER, &err), 401);
	assert_int_equal(know(&shut, &who), ROLE_NONE);
	assert_int_equal(access_allows(&who, ROLE_NONE, &err), 0); // whether it lives
	assert_int_equal(access_allows(&who, ROLE_CLIENT, &err), 401);
	assert_string_equal(err.text,
		"this takes the role client: send a token, as Authorization: Bearer mlt_...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(we_ourselves_are_admin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(group_has_its_role, set_up, tear_down),
		cmocka_unit_test_setup_teardown(largest_of_several_roles_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rules_hold_for_open_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			nobody_over_tcp_is_a_client_or_nobody, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
