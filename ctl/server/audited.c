// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/audited.h"

#include "ctl/server/audit/audit.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/request.h"
#include "ctl/server/http/who.h"
#include "ctl/server/server_state.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define WHAT_BYTES 400
#define BY_BYTES   WHO_NAME_BYTES

struct audited {
	struct server *server;
	struct http_request *request;
	route_handler *handle;
	struct route_params params;
	char what[WHAT_BYTES], by[BY_BYTES], peer[REQUEST_PEER_BYTES];
	char sha256[RECORD_SHA256_BYTES]; // of the version as it was when it was asked for
	uint64_t of;                      // the line of the request; 0: it is only watched
	// Who sends the reply, and the reply, while it waits for its line.
	void (*respond)(struct http_request *request, const struct http_response *response);
	struct http_response response;
	char *text;
};

// --- Who, and with which image -------------------------------------------------------------------

static const char *audited_from(const struct audited *a)
{
	return http_is_local(a->request) ? "unix" : a->peer;
}

static const char *audited_sha256(struct audited *a, uint32_t version)
{
	const struct model_entry *entry =
		version ? models_find(&a->server->models, a->params.model) : NULL;
	const struct model_version *stored =
		entry ? model_entry_version(entry, (uint16_t)version) : NULL;

	return stored ? stored->sha256 : "";
}

// --- What became of it ---------------------------------------------------------------------------

// The reply is JSON of ours: a sentence where it is a refusal, else what is now.
static json_t *audited_parse(const struct http_response *response)
{
	json_t *body = NULL;

	if (!response->buffer)
		body = json_loadb(response->text, response->bytes, 0, NULL);
	else if (evbuffer_get_length(response->buffer) <= 65536)
		body = json_loadb((char *)evbuffer_pullup(response->buffer, -1),
			evbuffer_get_length(response->buffer), 0, NULL);
	return body;
}

static uint32_t audited_version(const struct audited *a, const json_t *body)
{
	const json_t *version = json_object_get(body, "version");

	if (!json_is_integer(version))
		version = json_object_get(body, "live");
	return json_is_integer(version) ? (uint32_t)json_integer_value(version) : a->params.version;
}

static void audited_entry(struct audited *a, const struct http_response *response, json_t *body,
	struct chain_entry *e)
{
	const char *why = json_string_value(json_object_get(body, "error"));
	const char *sha256 = json_string_value(json_object_get(body, "sha256"));

	if (!why)
		why = json_string_value(json_object_get(body, "change"));
	*e = (struct chain_entry){ .kind = a->of ? CHAIN_RESULT : CHAIN_REFUSED,
		.by = a->by,
		.from = audited_from(a),
		.what = a->what,
		.model = a->params.model[0] ? a->params.model : NULL,
		.version = audited_version(a, body),
		.says_allowed = true,
		.allowed = response->status < 400,
		.status = response->status,
		.why = why,
		.of = a->of };
	if (!sha256)
		sha256 = audited_sha256(a, e->version);
	if (!sha256[0] && e->version == a->params.version)
		sha256 = a->sha256;
	e->sha256 = sha256[0] ? sha256 : NULL;
}

// --- Its reply -----------------------------------------------------------------------------------

static void audited_finish(void *arg, const struct error *err)
{
	struct audited *a = arg;

	// Where its line could not be written yet it is told all the same: what was done was done, and that it was asked
	// for is recorded.
	a->respond(a->request, &a->response);
	free(a->text);
	free(a);
}

// The text of a reply is its caller's.
static bool audited_keep(struct audited *a, const struct http_response *response)
{
	a->response = *response;
	if (response->buffer || response->bytes == 0)
		return true;
	a->text = malloc(response->bytes);
	if (!a->text)
		return false;
	memcpy(a->text, response->text, response->bytes);
	a->response.text = a->text;
	return true;
}

static void audited_respond(struct http_request *request, const struct http_response *response)
{
	struct audited *a = request->audited;
	json_t *body = audited_parse(response);
	struct chain_entry entry;
	bool waits;

	request->respond = a->respond;
	request->audited = NULL;
	audited_entry(a, response, body, &entry);
	if (a->of) {
		waits = audited_keep(a, response);
		if (!waits)
			a->response = *response;
		audit_write(a->server->audit, &entry, waits ? audited_finish : NULL, a);
		if (!waits)
			audited_finish(a, NULL);
	} else {
		if (response->status >= 400)
			audit_refused(a->server->audit, &entry);
		a->response = *response;
		audited_finish(a, NULL);
	}
	json_decref(body);
}

// --- Its beginning -------------------------------------------------------------------------------

// A connection may go while the request waits, and what it called its peer with it.
static struct audited *audited_create(struct server *server, struct http_request *request,
	const char *what, const struct route_params *params)
{
	struct audited *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->server = server;
	a->request = request;
	a->params = *params;
	a->respond = request->respond;
	snprintf(a->what, sizeof(a->what), "%s", what);
	snprintf(a->peer, sizeof(a->peer), "%s", request->peer);
	snprintf(
		a->by, sizeof(a->by), "%s", request->who.name[0] ? request->who.name : "anonymous");
	snprintf(a->sha256, sizeof(a->sha256), "%s", audited_sha256(a, params->version));
	return a;
}

static void audited_refuse(struct audited *a, const struct error *err)
{
	struct http_request *request = a->request;
	const int status = err->code == -ENOSPC || err->code == -EDQUOT ? 507 : 503;
	const struct chain_entry entry = { .kind = CHAIN_RESULT,
		.by = a->by,
		.from = audited_from(a),
		.what = a->what,
		.model = a->params.model[0] ? a->params.model : NULL,
		.version = a->params.version,
		.says_allowed = true,
		.status = status,
		.why = err->text,
		.of = a->of };

	if (audit_next(a->server->audit) >
		a->of) // the request's line was made, and will be written
		audit_write(a->server->audit, &entry, NULL, NULL);
	http_add_header(request, "Retry-After", "1");
	http_fail(request, status, "nothing is changed that cannot be recorded: %s", err->text);
	free(a);
}

static void audited_begin(void *arg, const struct error *err)
{
	struct audited *a = arg;
	struct error ends;

	if (!err && audit_is_closing(a->server->audit)) {
		error_set(&ends, -ESHUTDOWN, "martletd ends");
		err = &ends;
	}
	if (err) {
		audited_refuse(a, err);
		return;
	}
	a->request->peer = a->peer;
	a->request->audited = a;
	a->request->respond = audited_respond;
	a->handle(a->server, a->request, &a->params);
}

void audited_handle(struct server *server, struct http_request *request, route_handler *handle,
	const struct route_params *params, const char *what)
{
	struct audited *a = audited_create(server, request, what, params);
	struct chain_entry entry;

	if (!a) {
		http_fail(request, 500, "no memory to record the request");
		return;
	}
	a->handle = handle;
	entry = (struct chain_entry){ .kind = CHAIN_REQUEST,
		.by = a->by,
		.from = audited_from(a),
		.what = a->what,
		.model = params->model[0] ? params->model : NULL,
		.version = params->version,
		.sha256 = a->sha256[0] ? a->sha256 : NULL,
		.says_allowed = true,
		.allowed = true };
	a->of = audit_next(server->audit);
	audit_write(server->audit, &entry, audited_begin, a);
}

// --- Refusals ------------------------------------------------------------------------------------

void audited_watch(
	struct server *server, struct http_request *request, const char *what, const char *model)
{
	struct route_params params = { 0 };
	struct audited *a;

	snprintf(params.model, sizeof(params.model), "%s", model);
	a = request->audited ? NULL : audited_create(server, request, what, &params);
	if (!a)
		return;
	request->audited = a;
	request->respond = audited_respond;
}

void audited_forget(struct http_request *request)
{
	struct audited *a = request->audited;

	if (!a)
		return;
	request->respond = a->respond;
	request->audited = NULL;
	free(a);
}

void audited_note(struct server *server, const char *by, const char *from, const char *what,
	int status, const char *why)
{
	const struct chain_entry entry = { .kind = CHAIN_REFUSED,
		.by = by,
		.from = from,
		.what = what,
		.says_allowed = true,
		.status = status,
		.why = why };

	audit_refused(server->audit, &entry);
}
