// SPDX-License-Identifier: BSD-3-Clause
// Who asks, and what he may: users and groups of a UNIX socket, and names of certificates, have the roles that
// the configuration gives them; a token has its own. Control thread only.
//
// On a UNIX socket the kernel says who is at the other end, and tokens are not looked at. Over TCP a token decides
// where there is one, else the client's certificate; who has neither is anonymous: a client, or nobody where the
// listener wants a credential. Nobody is more than his listener's `role`.
#pragma once

#include "base/error.h"
#include "base/trust/role.h"

#include <jansson.h>
#include <stdbool.h>

struct access;
struct audit;
struct config;
struct gate;
struct http_request;
struct listener;
struct who;

// When tokens were used last is kept in the store's folder. `audit`, where the reading of another file of tokens is
// recorded, may end before it; NULL: nowhere.
int access_create(
	const struct config *config, struct audit *audit, struct access **out, struct error *err);
void access_destroy(struct access *access); // NULL is fine
// To be called now and then (100 ms): reads the tokens anew once their file is another. What cannot be read leaves
// those of before, and the log says so.
void access_tick(struct access *access);

// What the configuration says of roles from here on, also for connections that are open. access_prepare() finds
// out who is meant, and changes nothing where that fails; access_commit() or access_discard() ends it.
struct access_rules;
int access_prepare(const struct config *config, struct access_rules **out, struct error *err);
void access_commit(struct access *access, struct access_rules *rules);
void access_discard(struct access_rules *rules);
// Lets the users and groups that have a role connect to the API's socket; where its file can have no access list
// the log says what to do.
void access_admit(const struct access *access, struct listener *listener);

// Fills http_who(request). 0, or the status of a credential that is none, 401 or 429, with a sentence that says
// nothing of what was wrong with it. To be called before anything of its connection can have ended.
int access_know(struct access *access, struct http_request *request, struct error *err);
// Whether who was known is still: his token was not taken back since, and has not expired. For what stays open.
bool access_holds(const struct access *access, const struct who *who);
// Whether somebody may what takes a role. 0; 401: he brought no credential; 403: his role is too small.
int access_allows(const struct who *who, enum role needed, struct error *err);
// A list of the tokens, as GET /v1/tokens has it; NULL without memory.
json_t *access_tokens_json(const struct access *access);
// Counts a refusal of these two, and says of the first one in a minute who it was.
void access_count(struct gate *gate, int status, const char *peer, const struct who *who);
// The same, and answers the request.
void access_refuse(
	struct gate *gate, struct http_request *request, int status, const struct error *err);
