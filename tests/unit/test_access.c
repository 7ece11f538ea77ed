// SPDX-License-Identifier: BSD-3-Clause
// Who somebody is, by the user of a UNIX socket or by a token, and which role that gives him.
#include "base/trust/tokens.h"
#include "config/settings.h"
#include "ctl/server/access/access.h"
#include "ctl/server/http/listener.h"
#include "ctl/server/http/request.h"
#include "ctl/server/http/shared.h"
#include "tests/cmocka.h"

#include <event2/buffer.h>
#include <grp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
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
	snprintf(config.store.path, sizeof(config.store.path), "%s", folder);
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
	assert_int_equal(access_create(&config, NULL, &access_, &err), 0);
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

// Whether a process of that user and group, and of `n` other groups, the last one `group`, could connect.
static bool connects_as(uid_t uid, gid_t gid, gid_t group, int n)
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
	return status == 0;
}

// The connection of such a process.
static int connect_as(struct listener *l, uid_t uid, gid_t gid, gid_t group, int n)
{
	int fd;

	assert_true(connects_as(uid, gid, group, n));
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

// By the access list of the socket's file: the mode alone lets nobody in.
static void whom_trust_names_may_connect(void **state)
{
	struct access_rules *rules;
	struct listener *l;
	struct stat status;

	if (geteuid() != 0)
		skip();
	strcpy(config.control.group, "daemon");
	strcpy(config.trust.viewers[config.trust.n_viewers++], "user:60001");
	strcpy(config.trust.operators[config.trust.n_operators++], "group:60003");
	strcpy(config.trust.admins[config.trust.n_admins++], "certificate:CN=60009");
	begin();
	assert_int_equal(listener_open(path, "daemon", &l, &err), 0);
	assert_false(connects_as(60001, 60001, 0, 0));
	access_admit(access_, l);
	if (stat(path, &status) != 0 || !connects_as(60001, 60001, 0, 0)) {
		listener_close(l);
		skip(); // the file system has no access lists
	}
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(role_of(l, 60001, 60001, 0, 0), ROLE_VIEWER);
	assert_true(connects_as(60009, 60003, 0, 0));
	assert_true(connects_as(60009, 60009, 60003, 40));
	assert_true(connects_as(60009, 60009, getgrnam("daemon")->gr_gid, 1));
	assert_false(connects_as(60003, 60001, 0, 0)); // a user's number is no group's
	assert_false(connects_as(60009, 60009, 0, 0));

	// Another one instead, and then none.
	strcpy(config.trust.viewers[0], "user:60002");
	config.trust.n_operators = 0;
	assert_int_equal(access_prepare(&config, &rules, &err), 0);
	access_commit(access_, rules);
	access_admit(access_, l);
	assert_true(connects_as(60002, 60002, 0, 0));
	assert_false(connects_as(60001, 60001, 0, 0));
	assert_false(connects_as(60009, 60003, 0, 0));
	config.trust.n_viewers = 0;
	assert_int_equal(access_prepare(&config, &rules, &err), 0);
	access_commit(access_, rules);
	access_admit(access_, l);
	assert_false(connects_as(60002, 60002, 0, 0));
	assert_true(connects_as(60009, 60009, getgrnam("daemon")->gr_gid, 1));
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

// --- Tokens --------------------------------------------------------------------------------------

static char token_text[TOKEN_TEXT_BYTES];
static time_t clock_shift; // of this program's clock

// The C library's, as somebody has set it.
time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += clock_shift;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

// Adds one to the file, whose text is then token_text.
static void add_token(const char *name, enum role role, int64_t not_before, int64_t expires)
{
	struct token token = { .role = role, .not_before = not_before, .expires = expires };
	struct tokens tokens;

	snprintf(config.trust.tokens, sizeof(config.trust.tokens), "%s/tokens", folder);
	snprintf(token.name, sizeof(token.name), "%s", name);
	token_make(token_text, token.hash);
	assert_true(tokens_read(config.trust.tokens, &tokens, &err) != -EINVAL);
	assert_int_equal(tokens_add(&tokens, &token, &err), 0);
	assert_int_equal(tokens_write(config.trust.tokens, &tokens, &err), 0);
	tokens_fini(&tokens);
}

static void take_rules_anew(void)
{
	struct access_rules *rules;

	assert_int_equal(access_prepare(&config, &rules, &err), 0);
	access_commit(access_, rules);
}

// The status of a request that brings `authorization`.
static int bring(struct connection_peer *peer, const char *authorization, struct who *who)
{
	struct http_request *request = request_create();
	struct evbuffer *input = evbuffer_new();
	enum refusal why;
	int status;

	assert_true(request && input);
	evbuffer_add_printf(
		input, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n", authorization);
	parser_begin(&request->head, 16384, true);
	assert_int_equal(request_read_head(request, input, &why, &err), 1);
	request->from = peer;
	request->peer = peer->text;
	status = access_know(access_, request, &err);
	*who = request->who;
	request_destroy(request);
	evbuffer_free(input);
	return status;
}

static int bring_token(struct connection_peer *peer, const char *text, struct who *who)
{
	char line[128];

	snprintf(line, sizeof(line), "Bearer %s", text);
	return bring(peer, line, who);
}

static struct connection_peer here(void)
{
	return (struct connection_peer){ .is_loopback = true,
		.role_max = ROLE_ADMIN,
		.text = "127.0.0.1",
		.address = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } } };
}

static void token_gives_its_role(void **state)
{
	struct connection_peer peer = here();
	struct who who;
	char line[128];

	add_token("ci", ROLE_OPERATOR, 0, 0);
	begin();
	assert_int_equal(bring_token(&peer, token_text, &who), 0);
	assert_int_equal(who.role, ROLE_OPERATOR);
	assert_string_equal(who.name, "token ci");
	assert_true(who.is_known && who.token && access_holds(access_, &who));
	snprintf(line, sizeof(line), "bEARER   %s", token_text);
	assert_int_equal(bring(&peer, line, &who), 0);
	assert_int_equal(who.role, ROLE_OPERATOR);
	peer.role_max = ROLE_VIEWER;
	assert_int_equal(bring_token(&peer, token_text, &who), 0);
	assert_int_equal(who.role, ROLE_VIEWER);
	// What is no bearer's is nobody's.
	snprintf(line, sizeof(line), "Basic %s", token_text);
	assert_int_equal(bring(&peer, line, &who), 0);
	assert_int_equal(who.role, ROLE_CLIENT);
	assert_string_equal(who.name, "anonymous");
}

static void token_in_the_clear_is_refused(void **state)
{
	struct connection_peer peer = here();
	struct who who;

	add_token("ci", ROLE_ADMIN, 0, 0);
	begin();
	peer.is_loopback = false;
	assert_int_equal(bring_token(&peer, token_text, &who), 401);
	assert_string_equal(err.text, "the token is not valid");
	assert_int_equal(who.role, ROLE_CLIENT);
}

// As far as anybody outside can tell one that is unknown is one that is early, expired or malformed.
static void tokens_that_are_not_valid_are_refused_alike(void **state)
{
	struct connection_peer peer = here();
	const int64_t now = (int64_t)time(NULL);
	char early[TOKEN_TEXT_BYTES], expired[TOKEN_TEXT_BYTES];
	const char *const texts[] = { early, expired, "", "mlt_", "xyz",
		"mlt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	struct who who;

	add_token("early", ROLE_ADMIN, now + 1000, 0);
	strcpy(early, token_text);
	add_token("expired", ROLE_ADMIN, 0, now - 1);
	strcpy(expired, token_text);
	begin();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(bring_token(&peer, texts[i], &who), 401);
		assert_string_equal(err.text, "the token is not valid");
		assert_int_equal(who.role, ROLE_CLIENT);
		assert_int_equal(who.token, 0);
	}
}

static void revoked_token_holds_no_more(void **state)
{
	struct connection_peer peer = here();
	struct tokens tokens;
	struct who who, again;
	char first[TOKEN_TEXT_BYTES];

	add_token("ci", ROLE_ADMIN, 0, 0);
	strcpy(first, token_text);
	begin();
	assert_int_equal(bring_token(&peer, first, &who), 0);
	assert_int_equal(tokens_read(config.trust.tokens, &tokens, &err), 0);
	assert_int_equal(tokens_remove(&tokens, "ci", &err), 0);
	assert_int_equal(tokens_write(config.trust.tokens, &tokens, &err), 0);
	tokens_fini(&tokens);
	add_token("ci", ROLE_VIEWER, 0, 0); // another one of that name
	for (int i = 0; i < 10; i++)
		access_tick(access_);
	assert_false(access_holds(access_, &who));
	assert_int_equal(bring_token(&peer, first, &again), 401);
	assert_int_equal(bring_token(&peer, token_text, &again), 0);
	assert_int_equal(again.role, ROLE_VIEWER);
	assert_int_equal(unlink(config.trust.tokens), 0);
	for (int i = 0; i < 10; i++)
		access_tick(access_);
	assert_int_equal(bring_token(&peer, token_text, &again), 401);
}

// Whoever looked while it was over: a request, or nobody but the tick.
static void clock_that_is_set_back_makes_no_token_good(void **state)
{
	struct connection_peer peer = here();
	const int64_t now = (int64_t)time(NULL);
	struct tokens tokens;
	struct who who;

	for (int ticks = 0; ticks <= 10; ticks += 10) {
		clock_shift = 0;
		unlink(config.trust.tokens);
		add_token("ci", ROLE_ADMIN, 0, now + 5000);
		begin();
		assert_int_equal(bring_token(&peer, token_text, &who), 0);
		clock_shift = 6000;
		for (int i = 0; i < ticks; i++)
			access_tick(access_);
		assert_int_equal(ticks ? 401 : bring_token(&peer, token_text, &who), 401);
		clock_shift = 0;
		assert_int_equal(bring_token(&peer, token_text, &who), 401);
		take_rules_anew();
		assert_int_equal(bring_token(&peer, token_text, &who), 401);
		take_rules_anew();
		assert_int_equal(bring_token(&peer, token_text, &who), 401);
		// One that was read since is not concerned, nor is this one with another time.
		assert_int_equal(tokens_read(config.trust.tokens, &tokens, &err), 0);
		tokens.each[0].expires += 2000;
		assert_int_equal(tokens_write(config.trust.tokens, &tokens, &err), 0);
		tokens_fini(&tokens);
		take_rules_anew();
		assert_int_equal(bring_token(&peer, token_text, &who), 0);
		add_token("new", ROLE_ADMIN, 0, now + 5000);
		take_rules_anew();
		assert_int_equal(bring_token(&peer, token_text, &who), 0);
		access_destroy(access_);
		access_ = NULL;
	}
}

// Ten are answered at once, and then not even a good one is looked up, for a moment; another address is not concerned.
static void guesses_are_slowed_down(void **state)
{
	struct connection_peer peer = here(), other = here();
	struct who who;
	int n = 0, status = 0;

	other.address.bytes[3] = 2;
	add_token("ci", ROLE_ADMIN, 0, 0);
	begin();
	while (n < 1000 && (status = bring_token(&peer, "mlt_guess", &who)) == 401)
		n++;
	assert_int_equal(status, 429);
	assert_true(n >= 10);
	assert_int_equal(bring_token(&other, token_text, &who), 0);
	for (int i = 0; i < 6000 && (status = bring_token(&peer, token_text, &who)) == 429; i++)
		usleep(10000);
	assert_int_equal(status, 0);
}

static void bad_file_of_tokens_is_refused_at_start(void **state)
{
	FILE *to;

	snprintf(config.trust.tokens, sizeof(config.trust.tokens), "%s/tokens", folder);
	to = fopen(config.trust.tokens, "w");
	assert_non_null(to);
	fputs("no tokens\n", to);
	fclose(to);
	assert_int_equal(access_create(&config, NULL, &access_, &err), -EINVAL);
	assert_non_null(strstr(err.text, "trust.tokens: "));
	assert_non_null(strstr(err.text, "is no file of tokens: its first line is"));
	access_ = NULL;
}

static void uses_are_kept(void **state)
{
	struct connection_peer peer = here();
	struct who who;
	json_t *list;

	snprintf(config.store.path, sizeof(config.store.path), "%s", folder);
	add_token("never", ROLE_VIEWER, 0, 0);
	add_token("ci", ROLE_VIEWER, 0, 0);
	begin();
	assert_int_equal(bring_token(&peer, token_text, &who), 0);
	access_destroy(access_);
	begin();
	list = access_tokens_json(access_);
	assert_int_equal(json_array_size(list), 2);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "last_used")));
	assert_true(json_is_string(json_object_get(json_array_get(list, 1), "last_used")));
	json_decref(list);
	take_rules_anew();
	list = access_tokens_json(access_);
	assert_true(json_is_string(json_object_get(json_array_get(list, 1), "last_used")));
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(we_ourselves_are_admin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(group_has_its_role, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whom_trust_names_may_connect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(largest_of_several_roles_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rules_hold_for_open_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			nobody_over_tcp_is_a_client_or_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(token_gives_its_role, set_up, tear_down),
		cmocka_unit_test_setup_teardown(token_in_the_clear_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			tokens_that_are_not_valid_are_refused_alike, set_up, tear_down),
		cmocka_unit_test_setup_teardown(revoked_token_holds_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			clock_that_is_set_back_makes_no_token_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(guesses_are_slowed_down, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			bad_file_of_tokens_is_refused_at_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(uses_are_kept, set_up, tear_down),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
