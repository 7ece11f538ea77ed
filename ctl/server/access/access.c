// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/access/access.h"

#include "base/trust/principal.h"
#include "base/trust/utc.h"
#include "ctl/server/access/bearer.h"
#include "ctl/server/access/names.h"
#include "ctl/server/access/peer.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/http/deadline.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/listener.h"
#include "ctl/server/http/pace.h"
#include "ctl/server/http/request.h"
#include "ctl/server/http/shared.h"
#include "ctl/server/http/tls.h"
#include "ctl/server/log.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define TICKS_A_LOOK        10  // at the file of tokens
#define TICKS_A_SAVE        600 // of when they were used
#define FAILURES_PER_SECOND 10  // of an address, and as many at once
#define SAID_SECONDS        60  // between two lines of the log about tokens that were refused
#define USES_FILE           "tokens.used"

struct access_rules {
	struct names names;
	struct bearer bearer;
};

struct access {
	struct access_rules *rules;
	struct audit *audit;
	uint32_t generation; // of the rules; 0: of none
	struct pace *failures;
	int64_t said; // of time(): when a token that was refused was last told of
	uint32_t ticks;
	bool is_used;         // tokens were, since that was saved
	bool is_save_failing; // which was told
	char uses[CONFIG_PATH_MAX + 16];
};

// --- Rules ---------------------------------------------------------------------------------------

int access_prepare(const struct config *config, struct access_rules **out, struct error *err)
{
	struct access_rules *rules = calloc(1, sizeof(*rules));
	int rc;

	if (!rules)
		return error_set(err, -ENOMEM, "no memory for roles");
	rc = names_read(config, &rules->names, err);
	if (rc == 0) {
		rc = bearer_read(config->trust.tokens, &rules->bearer, err);
		if (rc != 0)
			error_prefix(err, "trust.tokens");
	}
	if (rc != 0)
		access_discard(rules);
	else
		*out = rules;
	return rc;
}

void access_commit(struct access *access, struct access_rules *rules)
{
	if (access->rules)
		bearer_inherit(&rules->bearer, &access->rules->bearer);
	access_discard(access->rules);
	access->rules = rules;
	access->generation++;
}

void access_discard(struct access_rules *rules)
{
	if (rules)
		bearer_fini(&rules->bearer);
	free(rules);
}

void access_admit(const struct access *access, struct listener *listener)
{
	const struct names *names = &access->rules->names;
	struct socket_guest guests[NAMES_MAX];
	size_t n = 0;
	struct error err;

	for (uint32_t i = 0; i < names->n; i++)
		if (names->each[i].kind != PRINCIPAL_CERTIFICATE)
			guests[n++] = (struct socket_guest){ .is_group = names->each[i].kind ==
					PRINCIPAL_GROUP,
				.id = names->each[i].id };
	if (listener_admit(listener, guests, n, &err) != 0)
		log_warning(
			"%s: users and groups that trust names and that are not on it connect only "
			"as members of control.group",
			err.text);
}

int access_create(
	const struct config *config, struct audit *audit, struct access **out, struct error *err)
{
	struct access *access = calloc(1, sizeof(*access));
	struct access_rules *rules;
	int rc;

	if (!access || !(access->failures = pace_create())) {
		free(access);
		return error_set(err, -ENOMEM, "no memory for roles");
	}
	access->audit = audit;
	snprintf(access->uses, sizeof(access->uses), "%s/" USES_FILE, config->store.path);
	rc = access_prepare(config, &rules, err);
	if (rc != 0) {
		access_destroy(access);
		return rc;
	}
	access_commit(access, rules);
	bearer_load_uses(&rules->bearer, access->uses);
	if (rules->bearer.path[0] && rules->bearer.tokens.n == 0)
		log_warning(
			"trust.tokens: there is no token in %s yet: martletctl token create "
			"makes one",
			rules->bearer.path);
	*out = access;
	return 0;
}

static void access_save(struct access *access)
{
	struct error err;

	if (!access->is_used)
		return;
	access->is_used = false;
	if (bearer_save_uses(&access->rules->bearer, access->uses, &err) == 0) {
		access->is_save_failing = false;
	} else if (!access->is_save_failing) {
		access->is_save_failing = true;
		log_warning("trust.tokens: when they were used cannot be kept: %s", err.text);
	}
}

void access_destroy(struct access *access)
{
	if (!access)
		return;
	if (access->rules)
		access_save(access);
	access_discard(access->rules);
	pace_destroy(access->failures);
	free(access);
}

static void access_read_tokens(struct access *access)
{
	struct bearer *bearer = &access->rules->bearer, next;
	struct error err;

	if (bearer_read(bearer->path, &next, &err) != 0) {
		log_error("trust.tokens: %s; the tokens of before stay", err.text);
		audit_reread(access->audit, "trust.tokens", bearer->path, err.text);
		bearer_look(bearer);
		return;
	}
	bearer_inherit(&next, bearer);
	bearer_fini(bearer);
	*bearer = next;
	log_info("trust.tokens: %s was read: tokens: %zu", next.path, next.tokens.n);
	audit_reread(access->audit, "trust.tokens", next.path, NULL);
}

void access_tick(struct access *access)
{
	access->ticks++;
	if (access->ticks % TICKS_A_LOOK == 0) {
		bearer_watch(&access->rules->bearer, (int64_t)time(NULL));
		if (bearer_is_outdated(&access->rules->bearer))
			access_read_tokens(access);
	}
	if (access->ticks % TICKS_A_SAVE == 0)
		access_save(access);
}

// --- Of a connection -----------------------------------------------------------------------------

// Root and our own user may everything: they could take it anyway.
static enum role access_role_of_process(const struct access *access, int fd)
{
	struct peer process;
	enum role role;

	if (!peer_read(fd, &process))
		return ROLE_NONE;
	role = process.uid == 0 || process.uid == geteuid()
		? ROLE_ADMIN
		: names_of_user(&access->rules->names, process.uid, process.groups, process.n);
	peer_fini(&process);
	return role;
}

struct access_certificate {
	const struct names *names;
	struct who *who;
};

// The name that is shown is the first one, or the first that gives the role.
static void access_on_name(void *arg, const char *name)
{
	const struct access_certificate *its = arg;
	const enum role role = names_of_certificate(its->names, name);

	if (its->who->is_known && role <= its->who->role)
		return;
	its->who->is_known = true;
	its->who->role = role;
	snprintf(its->who->name, sizeof(its->who->name), "certificate %s", name);
}

static void access_identify(const struct access *access, struct connection_peer *peer)
{
	struct who *who = &peer->who;
	struct access_certificate certificate = { &access->rules->names, who };

	peer->identified = access->generation;
	peer->until = 0;
	if (peer->is_local) {
		who->is_known = true;
		who->role = access_role_of_process(access, peer->fd);
		return;
	}
	*who = (struct who){ .uid = (uid_t)-1, .name = "anonymous" };
	if (peer->ssl && tls_each_name(peer->ssl, access_on_name, &certificate, &peer->until)) {
		if (!who->is_known)
			snprintf(who->name, sizeof(who->name), "certificate");
		who->is_known = true;
		// The authority that the listener trusts knows him.
		if (who->role < ROLE_CLIENT)
			who->role = ROLE_CLIENT;
	} else if (!peer->needs_credential) {
		who->role = ROLE_CLIENT;
	}
}

// --- Of a request --------------------------------------------------------------------------------

// What is wrong is for the log alone: who sent the token hears only that it is not valid.
static int access_refuse_token(struct access *access, const struct http_request *request,
	const char *why, const char *name, struct error *err)
{
	const struct connection_peer *peer = request->from;
	const int64_t now = (int64_t)time(NULL);

	pace_admits(access->failures, &peer->address, FAILURES_PER_SECOND, deadline_now_ms());
	if (access->said == 0 || now - access->said >= SAID_SECONDS || now < access->said) {
		access->said = now;
		log_warning("api: %s was refused: its token%s%s %s", peer->text, name[0] ? " " : "",
			name, why);
	}
	error_set(err, -EACCES, "the token is not valid");
	return 401;
}

static int access_know_token(
	struct access *access, struct http_request *request, const char *text, struct error *err)
{
	static const char *const WHYS[] = { "", "is not valid yet", "has expired" };
	const struct connection_peer *peer = request->from;
	struct bearer *bearer = &access->rules->bearer;
	const int64_t now = (int64_t)time(NULL);
	const struct token *token;
	enum token_state state;

	if (pace_is_spent(
		    access->failures, &peer->address, FAILURES_PER_SECOND, deadline_now_ms())) {
		error_set(err, -EAGAIN, "too many tokens from this address were not valid: wait");
		return 429;
	}
	token = tokens_find(&bearer->tokens, text);
	if (!peer->ssl && !peer->is_loopback)
		return access_refuse_token(access, request,
			"came without TLS, where everybody on the way can read it", "", err);
	if (!token)
		return access_refuse_token(access, request, "is not known", "", err);
	bearer_watch(bearer, now);
	state = bearer_state(bearer, token, now);
	if (state != TOKEN_VALID)
		return access_refuse_token(access, request, WHYS[state], token->name, err);
	access->is_used = true;
	bearer_use(bearer, token, now);
	request->who = (struct who){
		.role = token->role, .uid = (uid_t)-1, .is_known = true, .token = bearer_id(token)
	};
	snprintf(request->who.name, sizeof(request->who.name), "token %s", token->name);
	return 0;
}

// The token of "Authorization: Bearer TOKEN"; NULL: there is no such header.
static const char *access_token_of(const struct http_request *request)
{
	const char *text = http_header(request, "Authorization");

	if (!text || strncasecmp(text, "Bearer", 6) != 0 || (text[6] && text[6] != ' '))
		return NULL;
	return text + 6 + strspn(text + 6, " ");
}

int access_know(struct access *access, struct http_request *request, struct error *err)
{
	struct connection_peer *peer = request->from;
	const char *token;
	int status = 0;

	err->code = 0;
	if (peer->identified != access->generation || (peer->until && time(NULL) > peer->until))
		access_identify(access, peer);
	request->who = peer->who;
	if (!peer->is_local && access->rules->bearer.path[0] && (token = access_token_of(request)))
		status = access_know_token(access, request, token, err);
	if (request->who.role > peer->role_max)
		request->who.role = peer->role_max;
	return status;
}

bool access_holds(const struct access *access, const struct who *who)
{
	const struct bearer *bearer;
	const struct token *token;

	if (!who->token)
		return true;
	bearer = &access->rules->bearer;
	token = bearer_find_id(bearer, who->token);
	return token && bearer_state(bearer, token, (int64_t)time(NULL)) == TOKEN_VALID;
}

int access_allows(const struct who *who, enum role needed, struct error *err)
{
	const bool is_stranger = who->uid != (uid_t)-1 && who->role == ROLE_NONE;

	if (who->role >= needed && !is_stranger)
		return 0;
	if (is_stranger)
		error_set(err, -EPERM,
			"only root, martletd's own user, control.group's members and whom trust "
			"gives a role may use this");
	else if (who->is_known)
		error_set(err, -EPERM, "this takes the role %s, and %s has %s", role_name(needed),
			who->name, role_name(who->role));
	else
		error_set(err, -EACCES,
			"this takes the role %s: send a token, as Authorization: Bearer mlt_...",
			role_name(needed));
	return who->is_known || is_stranger ? 403 : 401;
}

static json_t *access_time_json(int64_t at)
{
	char text[UTC_BYTES];

	utc_text(at, text);
	return at ? json_string(text) : json_null();
}

json_t *access_tokens_json(const struct access *access)
{
	const struct bearer *bearer = &access->rules->bearer;
	const int64_t now = (int64_t)time(NULL);
	json_t *list = json_array();

	for (size_t i = 0; i < bearer->tokens.n; i++) {
		const struct token *token = &bearer->tokens.each[i];
		const enum token_state state = bearer_state(bearer, token, now);

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", token->name, "role",
				role_name(token->role), "state", token_state_name(state),
				"not_before", access_time_json(token->not_before), "expires",
				access_time_json(token->expires), "last_used",
				access_time_json(bearer->used[i].at)));
	}
	return list;
}

void access_count(struct gate *gate, int status, const char *peer, const struct who *who)
{
	if (status == 403)
		gate_count_forbidden(gate, peer, who->name);
	else
		gate_count(gate, status == 401 ? REFUSAL_UNAUTHENTICATED : REFUSAL_GUESSES);
}

void access_refuse(
	struct gate *gate, struct http_request *request, int status, const struct error *err)
{
	access_count(gate, status, http_peer(request), http_who(request));
	if (status == 401)
		http_add_header(request, "WWW-Authenticate", "Bearer");
	else if (status == 429)
		http_add_header(request, "Retry-After", "1");
	http_fail(request, status, "%s", err->text);
}
