// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/access/access.h"

#include "ctl/server/access/names.h"
#include "ctl/server/access/peer.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/request.h"
#include "ctl/server/http/shared.h"
#include "ctl/server/http/tls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct access_rules {
	struct names names;
};

struct access {
	struct access_rules *rules;
	uint32_t generation; // of the rules; 0: of none
};

// --- Rules ---------------------------------------------------------------------------------------

int access_prepare(const struct config *config, struct access_rules **out, struct error *err)
{
	struct access_rules *rules = calloc(1, sizeof(*rules));
	int rc;

	if (!rules)
		return error_set(err, -ENOMEM, "no memory for roles");
	rc = names_read(config, &rules->names, err);
	if (rc != 0)
		access_discard(rules);
	else
		*out = rules;
	return rc;
}

void access_commit(struct access *access, struct access_rules *rules)
{
	access_discard(access->rules);
	access->rules = rules;
	access->generation++;
}

void access_discard(struct access_rules *rules)
{
	free(rules);
}

int access_create(const struct config *config, struct access **out, struct error *err)
{
	struct access *access = calloc(1, sizeof(*access));
	struct access_rules *rules;
	int rc;

	if (!access)
		return error_set(err, -ENOMEM, "no memory for roles");
	rc = access_prepare(config, &rules, err);
	if (rc != 0) {
		access_destroy(access);
		return rc;
	}
	access_commit(access, rules);
	*out = access;
	return 0;
}

void access_destroy(struct access *access)
{
	if (access)
		access_discard(access->rules);
	free(access);
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

int access_know(struct access *access, struct http_request *request, struct error *err)
{
	struct connection_peer *peer = request->from;

	err->code = 0;
	if (peer->identified != access->generation || (peer->until && time(NULL) > peer->until))
		access_identify(access, peer);
	request->who = peer->who;
	if (request->who.role > peer->role_max)
		request->who.role = peer->role_max;
	return 0;
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
